#!/usr/bin/env bash
# control-plane.sh [--] COMMAND...: run COMMAND with a real API server, etcd and
# controller manager, and nothing below them. No root needed. Pods are accepted but
# never run: a test plays the node itself.
#
# For COMMAND: KUBECONFIG (an admin's), CLUSTER_DIR, AUDIT_LOG, kubectl in PATH.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

if [ "${1-}" = -- ]; then shift; fi
[ $# -gt 0 ] || die "usage: control-plane.sh [--] COMMAND..."
"$cluster_src/build.sh"

# Below the range the kernel gives to outgoing connections. Somebody may take it
# before the API server does; then the boot fails and says so.
free_port() {
	local port
	while port=$((20000 + RANDOM % 10000)); do
		if ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo $port && return; fi
	done
}

new_cluster_dir
trap 'stop KILL kube-controller-manager kube-apiserver etcd; remove_cluster_dir' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

start_control_plane 127.0.0.1 "$(free_port)"
await_control_plane
run_command "$@"
