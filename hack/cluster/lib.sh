# shellcheck shell=bash disable=SC2034 # the variables are for whoever sources this
# What the scripts in this folder share. Sourcing it starts nothing.

cluster_src=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kubernetes_version=$(sed -n 's|^.*k8s.io/kubernetes \(v[0-9.]*\).*|\1|p' "$cluster_src/go.mod")

# Everything that is built or fetched once and kept. build.sh, images.sh and
# get-bitcoind.sh fill it, the clusters only read it.
cache=${BITCOIN_CONTROLLER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bitcoin-controller}
bin=$cache/k8s-$kubernetes_version/bin
images=$cache/images

# Debian keeps these folders from everybody but root, iptables and ip are in them.
PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
	say "$@"
	exit 1
}

# A go that is too old would fail late, with many words.
check_go() { # GO.MOD WHAT
	local wanted have
	wanted=$(sed -n 's/^go //p' "$1")
	command -v go >/dev/null || die "go is missing: $2 is built with go $wanted or newer (https://go.dev/dl)"
	# Asked outside the module: inside it an old go would try to fetch a newer one.
	have=$(cd / && go env GOVERSION | sed 's/^go//; s/[ -].*//')
	[ "$(printf '%s\n' "$wanted" "$have" | sort --version-sort | head --lines=1)" = "$wanted" ] ||
		die "go $have is too old: $2 is built with go $wanted or newer (https://go.dev/dl)"
}

# The cluster's folder. CLUSTER_DIR is what COMMAND and node.sh get to know.

new_cluster_dir() {
	# Short, because the path of a unix socket has room for 107 bytes.
	CLUSTER_DIR=$(mktemp --directory "${TMPDIR:-/tmp}/btc-cluster.XXXXXX")
	export CLUSTER_DIR
	mkdir "$CLUSTER_DIR"/{pki,kubeconfigs,logs,run}
	boot_started=${EPOCHREALTIME/[.,]/}
}

remove_cluster_dir() {
	if [ "${CLUSTER_KEEP_LOGS-}" ]; then
		{ mkdir --parents "$CLUSTER_KEEP_LOGS" && cp --recursive "$CLUSTER_DIR/logs/." "$CLUSTER_KEEP_LOGS/"; } ||
			say "could not keep the logs in $CLUSTER_KEEP_LOGS"
	fi
	rm --recursive --force --one-file-system "$CLUSTER_DIR"
}

# Prints what has just been reached and how long after the start that was.
reached() {
	local ms=$(((${EPOCHREALTIME/[.,]/} - boot_started) / 1000))
	say "$(printf '%2d.%d s  %s' $((ms / 1000)) $((ms % 1000 / 100)) "$*")"
}

# Programs in the background: command, pid and log of NAME are files in
# CLUSTER_DIR, so that node.sh can stop one and start it again.

start() { # NAME PROGRAM ARGUMENTS
	printf '%q ' "${@:2}" >"$CLUSTER_DIR/run/$1.command"
	# Should this script be killed without a chance to clean up, its programs go too.
	start_again "$1" setpriv --pdeathsig KILL
}

start_again() { # NAME [PREFIX...]
	local command
	command="${*:2} $(<"$CLUSTER_DIR/run/$1.command")"
	# A session of its own: Ctrl-C is for COMMAND, which may want the cluster to clean up after itself.
	eval "exec setsid $command" </dev/null >>"$CLUSTER_DIR/logs/$1.log" 2>&1 &
	echo $! >"$CLUSTER_DIR/run/$1.pid"
	disown $! # its end is looked for, not waited for
}

# A zombie is dead as well: its parent may have better things to do than to wait for it.
alive() { # NAME
	local pid state
	pid=$(cat "$CLUSTER_DIR/run/$1.pid" 2>/dev/null) || return
	state=$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null) && [ "$state" != Z ]
}

stop() { # SIGNAL NAME...
	local signal=$1 name pid deadline=$((SECONDS + 10))
	shift
	for name in "$@"; do
		if pid=$(cat "$CLUSTER_DIR/run/$name.pid" 2>/dev/null); then kill -"$signal" "$pid" 2>/dev/null || true; fi
	done
	for name in "$@"; do
		pid=$(cat "$CLUSTER_DIR/run/$name.pid" 2>/dev/null) || continue
		while alive "$name" && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
		kill -KILL "$pid" 2>/dev/null || true
		rm --force "$CLUSTER_DIR/run/$name.pid"
	done
}

# Waits until the test succeeds. If NAME, the one responsible, ends first or the
# deadline passes, shows the end of its log and gives up.
await() { # NAME SECONDS WHAT TEST...
	local name=$1 deadline=$((SECONDS + $2)) what=$3
	shift 3
	until "$@" >/dev/null 2>&1; do
		if ! alive "$name"; then
			blame "$name" "$name ended before this was reached: $what"
		elif [ $SECONDS -ge $deadline ]; then
			blame "$name" "not reached in time: $what"
		fi
		sleep 0.1
	done
	reached "$what"
}

blame() { # NAME MESSAGE
	say "$2; the end of $1's log:"
	tail --lines=25 "$CLUSTER_DIR/logs/$1.log" >&2
	exit 1
}

# Certificates and kubeconfigs, signed by the cluster's own authority.

make_authority() {
	local pki=$CLUSTER_DIR/pki
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 -subj /CN=test-cluster \
		-addext keyUsage=critical,keyCertSign,digitalSignature -keyout "$pki/ca.key" -out "$pki/ca.crt" 2>/dev/null
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$pki/service-account.key" 2>/dev/null
	openssl pkey -in "$pki/service-account.key" -pubout -out "$pki/service-account.pub"
}

# The subject's O are groups, its CN is the user: O=system:nodes/CN=system:node:node-1.
certificate() { # FILE SUBJECT [SUBJECT_ALT_NAMES]
	local file=$CLUSTER_DIR/pki/$1
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/$2" -keyout "$file.key" -out "$file.csr" 2>/dev/null
	openssl x509 -req -in "$file.csr" -CA "$CLUSTER_DIR/pki/ca.crt" -CAkey "$CLUSTER_DIR/pki/ca.key" \
		-set_serial "0x$(openssl rand -hex 15)" -days 3650 -out "$file.crt" -extfile - 2>/dev/null <<-CONF
			basicConstraints=CA:FALSE
			extendedKeyUsage=serverAuth,clientAuth
			${3:+subjectAltName=$3}
		CONF
	rm "$file.csr"
}

# A kubeconfig with everything embedded: it can be copied anywhere, alone.
kubeconfig() { # NAME SUBJECT
	certificate "$1" "$2"
	cat >"$CLUSTER_DIR/kubeconfigs/$1" <<-CONF
		apiVersion: v1
		kind: Config
		clusters:
		- name: test
		  cluster:
		    server: $(<"$CLUSTER_DIR/run/server")
		    certificate-authority-data: $(base64 --wrap=0 "$CLUSTER_DIR/pki/ca.crt")
		users:
		- name: $1
		  user:
		    client-certificate-data: $(base64 --wrap=0 "$CLUSTER_DIR/pki/$1.crt")
		    client-key-data: $(base64 --wrap=0 "$CLUSTER_DIR/pki/$1.key")
		contexts:
		- name: test
		  context: {cluster: test, user: $1}
		current-context: test
	CONF
	chmod 600 "$CLUSTER_DIR/kubeconfigs/$1"
}

# The control plane: etcd, API server, controller manager.

start_control_plane() { # HOST PORT
	local pki=$CLUSTER_DIR/pki configs=$CLUSTER_DIR/kubeconfigs
	export KUBECONFIG=$configs/admin AUDIT_LOG=$CLUSTER_DIR/logs/audit.log PATH=$bin:$PATH
	# kubectl remembers by host and port what a server can do: ours would inherit from the cluster before it.
	export KUBECACHEDIR=$CLUSTER_DIR/kubectl-cache

	# On a unix socket, so that no other etcd can be in the way.
	start etcd "$bin/etcd" --unsafe-no-fsync --log-level warn --data-dir "$CLUSTER_DIR/etcd" \
		--listen-client-urls "unix://$CLUSTER_DIR/run/etcd.sock" --advertise-client-urls "unix://$CLUSTER_DIR/run/etcd.sock" \
		--listen-peer-urls "unix://$CLUSTER_DIR/run/etcd-peer.sock"

	echo "https://$1:$2" >"$CLUSTER_DIR/run/server"
	make_authority
	certificate apiserver CN=kube-apiserver \
		"IP:127.0.0.1,IP:10.0.0.1,IP:$1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
	kubeconfig admin O=system:masters/CN=admin
	: >"$AUDIT_LOG"
	# One line a request, two a watch: who, verb, resource, code. Not before it is
	# received, or every request would be there twice. Who held a lease is only in the bodies.
	cat >"$CLUSTER_DIR/run/audit-policy.yaml" <<-CONF
		apiVersion: audit.k8s.io/v1
		kind: Policy
		omitStages: [RequestReceived]
		rules:
		- {level: RequestResponse, resources: [{group: coordination.k8s.io, resources: [leases]}]}
		- {level: Metadata}
	CONF
	# The second plugin list adds to the default one. With it, setting a blocking
	# owner reference needs the right to update the owner's finalizers, as on OpenShift.
	start kube-apiserver "$bin/kube-apiserver" --etcd-servers "unix://$CLUSTER_DIR/run/etcd.sock" \
		--bind-address "${3:-$1}" --advertise-address "$1" --secure-port "$2" \
		--service-cluster-ip-range 10.0.0.0/24 --allow-privileged \
		--authorization-mode Node,RBAC --enable-admission-plugins OwnerReferencesPermissionEnforcement \
		--client-ca-file "$pki/ca.crt" --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
		--kubelet-client-certificate "$pki/admin.crt" --kubelet-client-key "$pki/admin.key" \
		--kubelet-preferred-address-types InternalIP \
		--service-account-issuer https://kubernetes.default.svc.cluster.local \
		--service-account-key-file "$pki/service-account.pub" --service-account-signing-key-file "$pki/service-account.key" \
		--shutdown-watch-termination-grace-period 1s \
		--audit-policy-file "$CLUSTER_DIR/run/audit-policy.yaml" --audit-log-path "$AUDIT_LOG"

	kubeconfig kube-controller-manager CN=system:kube-controller-manager
	start kube-controller-manager "$bin/kube-controller-manager" --kubeconfig "$configs/kube-controller-manager" \
		--authentication-kubeconfig "$configs/kube-controller-manager" --authorization-kubeconfig "$configs/kube-controller-manager" \
		--use-service-account-credentials --service-account-private-key-file "$pki/service-account.key" \
		--root-ca-file "$pki/ca.crt" --leader-elect=false --secure-port 0 \
		--kube-api-qps 500 --kube-api-burst 1000 # its usual 20 a second is most of a cold start
}

apiserver_ready() { kubectl --request-timeout=2s get --raw /readyz; }

await_control_plane() {
	await etcd 30 "etcd listens" test -S "$CLUSTER_DIR/run/etcd.sock"
	await kube-apiserver 60 "API server is ready" apiserver_ready
	# Until it exists, every pod is refused.
	await kube-controller-manager 30 "serviceaccounts/default exists" kubectl get serviceaccount default
}

# Pods' addresses: those of 10.244.0.0/16, or so few at its end that they come back soon. containerd
# reads the file anew when another in its folder is renamed, not when one appears. Each pod has a link of
# its own to the node, not one bridge with all: on a bridge whoever knew an address talks for up to a minute
# to the pod that had it before.
pod_addresses() { # all|COUNT
	local range=''
	if [ "$1" != all ]; then
		range=$(printf ', "rangeStart": "10.244.255.1", "rangeEnd": "10.244.255.%d"' "$1")
	fi
	cat >"$CLUSTER_DIR/cni/new" <<-CONF
		{"cniVersion": "0.4.0", "name": "pods", "plugins": [{
		  "type": "ptp",
		  "ipam": {"type": "host-local", "dataDir": "/run/cni-addresses",
		    "ranges": [[{"subnet": "10.244.0.0/16"$range}]], "routes": [{"dst": "0.0.0.0/0"}]}
		}]}
	CONF
	mv "$CLUSTER_DIR/cni/new" "$CLUSTER_DIR/cni/10-pods.conflist"
}

# COMMAND

# Runs COMMAND as if it were in the foreground, but stays able to hear SIGTERM and
# pass it on. Ctrl-C reaches COMMAND by itself. Returns its exit code.
run_command() {
	local status pid
	(
		# A shell without job control starts its background jobs deaf to Ctrl-C.
		trap - INT QUIT
		exec "$@"
	) <&0 &
	pid=$!
	trap 'kill -TERM $pid 2>/dev/null || true' TERM HUP
	trap : INT
	while :; do
		status=0
		wait "$pid" || status=$?
		# A wait that a signal has cut short is taken up again.
		if ! kill -0 "$pid" 2>/dev/null; then return "$status"; fi
	done
}
