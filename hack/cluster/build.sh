#!/usr/bin/env bash
# build.sh: build Kubernetes and etcd from their Go modules into the cache, and
# install the Debian packages a node needs. Does nothing when all is there.
#
# The first time costs about 11 minutes on two cores, 1.1 GB of Go modules and
# 3.2 GB of Go build cache; 380 MB of programs are kept.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# In the order of use, so that a control plane alone can start early.
programs=(
	etcd=go.etcd.io/etcd/server/v3
	kube-apiserver=k8s.io/kubernetes/cmd/kube-apiserver
	kube-controller-manager=k8s.io/kubernetes/cmd/kube-controller-manager
	kubectl=k8s.io/kubernetes/cmd/kubectl
	kubelet=k8s.io/kubernetes/cmd/kubelet
	kube-scheduler=k8s.io/kubernetes/cmd/kube-scheduler
	kube-proxy=k8s.io/kubernetes/cmd/kube-proxy
	dns=bitcoin-controller/hack/cluster/dns
)

# program on PATH = Debian package that has it
node_needs=(
	containerd=containerd
	runc=runc
	/usr/lib/cni/bridge=containernetworking-plugins
	iptables=iptables
	ip=iproute2
	pgrep=procps
	openssl=openssl
	/bin/busybox=busybox-static
)

install_packages() {
	local need missing=()
	for need in "${node_needs[@]}"; do
		command -v "${need%%=*}" >/dev/null || missing+=("${need#*=}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id --user)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		say "not installed: ${missing[*]} (a node needs them, control-plane.sh only openssl)"
		return 0
	fi
	say "installing ${missing[*]}"
	# A machine that never ran update has no lists, one that ran it long ago has stale ones.
	apt_install "${missing[@]}" || { apt-get update --quiet=2 && apt_install "${missing[@]}"; } ||
		die "apt-get could not install ${missing[*]}"
}

apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends "$@" >&2
}

# Without the version stamped in, the API server calls itself v0.0.0, kubectl complains,
# and the audit log cannot tell who is who by user agent.
version_flags() {
	local package major minor flags="-s -w"
	IFS=. read -r major minor _ <<<"${kubernetes_version#v}"
	for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		flags+=" -X $package.gitVersion=$kubernetes_version -X $package.gitMajor=$major -X $package.gitMinor=$minor"
	done
	echo "$flags"
}

build() { # NAME PACKAGE COUNT
	local name=$1 package=$2 count=$3 started=$SECONDS
	say "[$count/${#programs[@]}] $name: compiling $package"
	# Renamed only when complete: what is in the folder always works.
	# Cluster DNS is a module of its own: it and Kubernetes need not agree on what they depend on.
	local folder=$cluster_src
	[ "$name" != dns ] || folder=$cluster_src/dns
	(cd "$folder" && CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off \
		go build -trimpath -buildvcs=false -ldflags "$(version_flags)" -o "$bin/.$name.new" "$package") ||
		die "$name: go build failed, see above"
	mv "$bin/.$name.new" "$bin/$name"
	say "[$count/${#programs[@]}] $name: done in $((SECONDS - started)) s, $(($(stat --format=%s "$bin/$name") / 1000000)) MB"
}

install_packages
mkdir --parents "$bin"
exec 9>"$bin/.lock"
flock 9 || die "cannot lock $bin"

# Another go.mod (a new etcd, say) makes all programs stale; Go's own cache makes redoing them cheap.
stamp=$(sha256sum <"$cluster_src/go.sum")
if [ "$(cat "$bin/.go.sum" 2>/dev/null)" != "$stamp" ]; then
	for program in "${programs[@]}"; do rm --force "$bin/${program%%=*}"; done
	echo "$stamp" >"$bin/.go.sum"
fi
stamp=$(cat "$cluster_src/dns/"* | sha256sum)
if [ "$(cat "$bin/.dns" 2>/dev/null)" != "$stamp" ]; then
	rm --force "$bin/dns"
	echo "$stamp" >"$bin/.dns"
fi

started=$SECONDS count=0
for program in "${programs[@]}"; do
	count=$((count + 1))
	[ ! -x "$bin/${program%%=*}" ] || continue
	if [ -z "${go_checked-}" ]; then check_go "$cluster_src/go.mod" "Kubernetes $kubernetes_version" && go_checked=yes; fi
	build "${program%%=*}" "${program#*=}" "$count"
done
if [ "${go_checked-}" ]; then say "Kubernetes $kubernetes_version built in $((SECONDS - started)) s: $bin"; fi
