#!/usr/bin/env bash
# demo.sh [--exit]: a real one-node Kubernetes with real bitcoind, the controller, and the story of one
# network, told while it happens. Needs root on a Debian machine, Rust and Go; the first time it builds
# Kubernetes, which takes minutes. Without --exit it stays, and another terminal can use the kubeconfig
# it prints. Nothing is left behind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --locked --release
hack/cluster/build.sh
hack/cluster/images.sh
# The cluster's kubeconfig is known only inside.
exec hack/cluster/run.sh sh -c 'exec "$0" demo --kubeconfig "$KUBECONFIG" "$@"' \
	"$PWD/target/release/bitcoin-controller" "$@"
