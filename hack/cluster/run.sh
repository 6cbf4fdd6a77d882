#!/usr/bin/env bash
# run.sh [--] COMMAND...: run COMMAND inside a real one-node Kubernetes: API server,
# controller manager, scheduler, kubelet, containerd, kube-proxy, pods in containers.
# As root, on a plain Debian machine, without Docker.
#
# For COMMAND: KUBECONFIG (an admin's), CLUSTER_DIR, AUDIT_LOG, kubectl in PATH, pods
# reachable at their addresses, node.sh beside this script. It sees a network of its own:
# nothing outside can be reached, so build first. Its exit code is the exit code here.
#
# Everything lives in namespaces that end with COMMAND, and every process with them.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

node="node-1"
node_address=10.250.0.1

outside() {
	[ "$(id --user)" -eq 0 ] || die "a node needs root; without, there is $cluster_src/control-plane.sh"
	"$cluster_src/build.sh"
	if [ ! -e "$images/pause.tar" ] || [ ! -e "$images/bitcoind.tar" ]; then "$cluster_src/images.sh"; fi

	new_cluster_dir
	CLUSTER_CGROUP=${CLUSTER_DIR##*/}
	export CLUSTER_CGROUP boot_started
	trap 'remove_cgroups; remove_cluster_dir' EXIT

	local inside status
	(
		trap - INT QUIT # else COMMAND would be deaf to Ctrl-C, see run_command
		# Should this script be killed without a chance to clean up, the cluster goes too.
		exec setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc "$0" --inside "$@"
	) <&0 &
	inside=$!
	# unshare itself listens to nothing; its only child decides when to end.
	trap 'pkill --signal TERM --parent $inside || true' TERM HUP
	trap : INT
	while :; do
		status=0
		wait "$inside" || status=$?
		if ! kill -0 "$inside" 2>/dev/null; then exit "$status"; fi
	done
}

# The one thing on the machine that namespaces do not hide. The kernel may need a
# moment to see that the last process is gone.
remove_cgroups() {
	local deadline=$((SECONDS + 10))
	while [ $SECONDS -lt $deadline ]; do
		find /sys/fs/cgroup -depth -type d -path "*/$CLUSTER_CGROUP*" -exec rmdir {} + 2>/dev/null || true
		[ "$(find /sys/fs/cgroup -type d -path "*/$CLUSTER_CGROUP" | wc --lines)" -gt 0 ] || return 0
		sleep 0.1
	done
	say "could not remove the cgroups named $CLUSTER_CGROUP"
}

make_cgroups() {
	local hierarchy file controller
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		# The kubelet wants every controller there is in its root; systemd passes on only some.
		for controller in $(</sys/fs/cgroup/cgroup.controllers); do
			echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control || say "cannot pass on the cgroup controller $controller"
		done
		mkdir "/sys/fs/cgroup/$CLUSTER_CGROUP"
	else
		for hierarchy in /sys/fs/cgroup/*/; do mkdir --parents "$hierarchy$CLUSTER_CGROUP"; done
		# A new cpuset is empty, and no process may join it before it is filled.
		for file in cpuset.cpus cpuset.mems; do
			if [ -e "/sys/fs/cgroup/cpuset/$file" ]; then
				cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$CLUSTER_CGROUP/$file"
			fi
		done
	fi
}

isolate_files() {
	local folder setting value
	# Places that are written to whatever one configures. Ours vanish with the namespace.
	mkdir --parents /var/lib/cni
	for folder in /run /var/log /var/lib/cni; do mount -t tmpfs tmpfs "$folder"; done
	mkdir --parents /run/lock
	# No name outside can be asked for, so let that fail at once, in pods as well: who listens at this address
	# knows the cluster's names only, while the machine's own servers would be waited for.
	echo "nameserver $node_address" >"$CLUSTER_DIR/run/resolv.conf"
	if [ -e /etc/resolv.conf ]; then mount --bind "$CLUSTER_DIR/run/resolv.conf" /etc/resolv.conf; fi
	# The kubelet sets these for the whole machine unless it finds them set.
	mkdir "$CLUSTER_DIR/run/sysctl"
	while read -r setting value; do
		echo "$value" >"$CLUSTER_DIR/run/sysctl/${setting##*/}"
		mount --bind "$CLUSTER_DIR/run/sysctl/${setting##*/}" "/proc/sys/$setting"
	done <<-SETTINGS
		vm/overcommit_memory 1
		vm/panic_on_oom 0
		kernel/panic 10
		kernel/panic_on_oops 1
		kernel/keys/root_maxkeys 1000000
		kernel/keys/root_maxbytes 25000000
	SETTINGS
}

make_network() {
	ip link set lo up
	# The node's address needs a link that is not loopback. Not every kernel has
	# dummy links, a bridge without ports does as well.
	ip link add hub type bridge
	ip address add "$node_address/24" dev hub
	ip link set hub up
	ip route add default dev hub
	echo 1 >/proc/sys/net/ipv4/ip_forward
	# Tell every refused packet, not one a second: whoever asks for a name waits for that.
	echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
}

start_containerd() {
	local dir=$CLUSTER_DIR
	mkdir --parents "$dir/cni" "$dir/containerd"
	pod_addresses all
	cat >"$dir/run/containerd.toml" <<-CONF
		version = 2
		root = "$dir/containerd"
		state = "/run/containerd"
		disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
		[grpc]
		  address = "/run/containerd.sock"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$dir/containerd/opt"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "localhost/pause:1"
		  restrict_oom_score_adj = true
		  disable_apparmor = true
		[plugins."io.containerd.grpc.v1.cri".cni]
		  bin_dir = "/usr/lib/cni"
		  conf_dir = "$dir/cni"
	CONF
	start containerd containerd --config "$dir/run/containerd.toml"
}

containerd_ready() { ctr --address /run/containerd.sock version; }

load_images() {
	local image
	for image in "$images"/*.tar; do
		ctr --address /run/containerd.sock --namespace k8s.io images import "$image" >>"$CLUSTER_DIR/logs/images.log" 2>&1 ||
			return 1
	done
}

start_kubelet() {
	certificate kubelet-server "CN=$node" "IP:$node_address,DNS:$node"
	kubeconfig kubelet "O=system:nodes/CN=system:node:$node"
	cat >"$CLUSTER_DIR/run/kubelet.yaml" <<-CONF
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		containerRuntimeEndpoint: unix:///run/containerd.sock
		authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $CLUSTER_DIR/pki/ca.crt}}
		authorization: {mode: Webhook}
		tlsCertFile: $CLUSTER_DIR/pki/kubelet-server.crt
		tlsPrivateKeyFile: $CLUSTER_DIR/pki/kubelet-server.key
		cgroupDriver: cgroupfs
		cgroupRoot: /$CLUSTER_CGROUP
		failCgroupV1: false
		failSwapOn: false
		oomScoreAdj: 0
		enforceNodeAllocatable: []
		podLogsDir: $CLUSTER_DIR/logs/pods
		volumePluginDir: $CLUSTER_DIR/kubelet/volume-plugins
		resolvConf: $CLUSTER_DIR/run/resolv.conf
		clusterDNS: [$node_address]
		clusterDomain: cluster.local
		maxPods: 500
		# No log is rotated: tests look through all of it.
		containerLogMaxSize: 1Gi
		kubeAPIQPS: 200
		kubeAPIBurst: 400
		# A full disk is the machine's business: nothing is evicted, no image is removed for it.
		evictionHard: {memory.available: 1Mi}
		imageGCHighThresholdPercent: 100
		imageGCLowThresholdPercent: 99
	CONF
	start kubelet "$bin/kubelet" --config "$CLUSTER_DIR/run/kubelet.yaml" --kubeconfig "$CLUSTER_DIR/kubeconfigs/kubelet" \
		--root-dir "$CLUSTER_DIR/kubelet" --hostname-override "$node" --node-ip "$node_address"
}

start_scheduler_and_proxy() {
	local configs=$CLUSTER_DIR/kubeconfigs
	kubeconfig kube-scheduler CN=system:kube-scheduler
	# It ends itself when an API server that restarts shows it a pod on two nodes, and counts on being
	# started again, as it would be in a static pod.
	# shellcheck disable=SC2016
	start kube-scheduler bash -c 'until "$@"; do :; done' restart "$bin/kube-scheduler" --kubeconfig "$configs/kube-scheduler" \
		--authentication-kubeconfig "$configs/kube-scheduler" --authorization-kubeconfig "$configs/kube-scheduler" \
		--leader-elect=false --secure-port 0
	kubeconfig kube-proxy CN=system:kube-proxy
	cat >"$CLUSTER_DIR/run/kube-proxy.yaml" <<-CONF
		apiVersion: kubeproxy.config.k8s.io/v1alpha1
		kind: KubeProxyConfiguration
		clientConnection: {kubeconfig: $configs/kube-proxy}
		clusterCIDR: 10.244.0.0/16
		hostnameOverride: $node
		mode: iptables
		conntrack: {maxPerCore: 0, min: 0}
	CONF
	start kube-proxy "$bin/kube-proxy" --config "$CLUSTER_DIR/run/kube-proxy.yaml"
}

# What pods ask for names; nobody knows any outside the cluster.
start_dns() {
	cat >"$CLUSTER_DIR/run/Corefile" <<-CONF
		cluster.local {
		    bind $node_address
		    errors
		    kubernetes cluster.local {
		        kubeconfig $CLUSTER_DIR/kubeconfigs/admin
		    }
		}
	CONF
	start dns "$bin/dns" -conf "$CLUSTER_DIR/run/Corefile"
}

node_ready() { kubectl wait --for=condition=Ready "node/$node" --timeout=0; }

# What pods dial: their KUBERNETES_SERVICE_HOST.
service_address_answers() { kubectl --server https://10.0.0.1 --request-timeout=1s get --raw /version; }

inside() {
	local loading
	trap 'exit 130' INT
	trap 'exit 143' TERM
	isolate_files
	make_cgroups
	make_network
	start_containerd
	start_control_plane "$node_address" 6443 0.0.0.0
	await containerd 20 "containerd answers" containerd_ready
	load_images &
	loading=$!
	start_kubelet
	await_control_plane
	start_dns
	start_scheduler_and_proxy # not sooner: refused once, they wait long before they ask again
	wait "$loading" || { cat "$CLUSTER_DIR/logs/images.log" >&2 && die "could not load the images of $images"; }
	await kubelet 60 "$node is ready" node_ready
	await kube-proxy 20 "10.0.0.1 answers" service_address_answers
	run_command "$@"
}

if [ "${1-}" = --inside ]; then
	shift
	inside "$@"
else
	if [ "${1-}" = -- ]; then shift; fi
	[ $# -gt 0 ] || die "usage: run.sh [--] COMMAND..."
	outside "$@"
fi
