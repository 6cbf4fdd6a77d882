#!/usr/bin/env bash
# kind.sh: the scenarios of test/e2e on a kind cluster of its own, where Docker and kind are present.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for tool in docker kind kubectl; do
	command -v "$tool" >/dev/null || { echo "kind.sh: $tool is missing" >&2; exit 1; }
done
hack/cluster/images.sh "$(build/controller/binary.sh)"

name=bitcoin-controller-e2e
kubeconfig=$(mktemp)
trap 'kind delete cluster --name "$name"; rm --force "$kubeconfig"' EXIT
kind create cluster --name "$name" --kubeconfig "$kubeconfig" --wait 120s
cache=${BITCOIN_CONTROLLER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bitcoin-controller}
for image in bitcoind bitcoin-controller; do
	kind load image-archive "$cache/images/$image.tar" --name "$name"
done
KUBECONFIG=$kubeconfig hack/e2e.sh "$@"
