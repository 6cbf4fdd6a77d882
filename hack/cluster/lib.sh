# shellcheck shell=bash
# What the scripts in this folder share. Source it; it starts nothing by itself.

cluster_src=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kubernetes_version=$(sed -n 's|^.*k8s.io/kubernetes \(v[0-9.]*\).*|\1|p' "$cluster_src/go.mod")

# Everything that is built or fetched once and kept; images.sh, build.sh and
# get-bitcoind.sh fill it, the clusters only read it.
cache=${BITCOIN_CONTROLLER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bitcoin-controller}
bin=$cache/k8s-$kubernetes_version/bin
images=$cache/images

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
	say "$@"
	exit 1
}
