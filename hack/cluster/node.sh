#!/usr/bin/env bash
# node.sh VERB...: do to the cluster what nobody can ask its API server for. For the
# COMMAND of run.sh; the last line works for that of control-plane.sh too.
#
#   kill NAMESPACE/POD [PROGRAM]   SIGKILL a pod's bitcoind, or its PROGRAM
#   cut NAMESPACE/POD              take the pod off the network: packets vanish
#   restore NAMESPACE/POD          and put it back
#   addresses COUNT|all            give new pods one of so few addresses only, so that they come back
#   stop-apiserver | start-apiserver | restart-apiserver
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

usage() { die "$(sed --quiet 's/^#   /\n  /p' "$0" | tr --squeeze-repeats '\n' | sed '1s/^/usage: node.sh VERB/')"; }

in_containerd() { ctr --address /run/containerd.sock --namespace k8s.io "$@"; }

# Prints the pids, as seen here, of the first processes of a pod's running containers.
container_pids() { # NAMESPACE/POD KIND
	local id ids
	[ -S /run/containerd.sock ] || die "there is no node here: inside run.sh there is one"
	[[ $1 == ?*/?* ]] || die "a pod is named NAMESPACE/POD, not '$1'"
	ids=$(in_containerd containers list --quiet \
		"labels.\"io.kubernetes.pod.namespace\"==${1%%/*},labels.\"io.kubernetes.pod.name\"==${1#*/},labels.\"io.cri-containerd.kind\"==$2")
	# Containers that have ended are still listed, but have no running task.
	for id in $ids; do in_containerd task list | awk -v id="$id" '$1 == id && $3 == "RUNNING" { print $2 }'; done
}

kill_program() { # NAMESPACE/POD PROGRAM
	local firsts first pid killed=
	firsts=$(container_pids "$1" container)
	for first in $firsts; do
		# From inside, kill -9 cannot touch a container's first process; from here it can.
		for pid in $(pgrep --ns "$first" --nslist pid --exact "$2"); do
			kill -KILL "$pid"
			say "killed $2 of $1 (pid $pid)"
			killed=yes
		done
	done
	[ "$killed" ] || die "no $2 runs in $1"
}

set_link() { # NAMESPACE/POD up|down
	local sandbox index link
	sandbox=$(container_pids "$1" sandbox)
	[ "$sandbox" ] || die "no pod $1 runs on this node"
	# The pod's eth0@if7 is one end of a pair, the node's link 7 is the other.
	index=$(nsenter --target "$sandbox" --net ip -oneline link show eth0 | sed 's/.*eth0@if\([0-9]*\):.*/\1/')
	link=$(ip -oneline link | sed --quiet "s/^$index: \([^@:]*\)[@:].*/\1/p")
	[ "$link" ] || die "found no link $index that leads to $1"
	ip link set "$link" "$2"
	say "$1: $link is $2"
}

# In order: open watches end with it, etcd and the nodes stay.
stop_apiserver() {
	alive kube-apiserver || die "the API server is not running"
	stop TERM kube-apiserver
	say "stopped the API server"
}

start_apiserver() {
	if alive kube-apiserver; then die "the API server is running"; fi
	boot_started=${EPOCHREALTIME/[.,]/}
	start_again kube-apiserver
	await kube-apiserver 60 "API server is ready" apiserver_ready
}

[ "${CLUSTER_DIR-}" ] || die "CLUSTER_DIR is not set: this is for a COMMAND inside run.sh"
case "$#:${1-}" in
2:kill) kill_program "$2" bitcoind ;;
3:kill) kill_program "$2" "$3" ;;
2:cut) set_link "$2" down ;;
2:restore) set_link "$2" up ;;
2:addresses)
	[[ $2 == all || $2 =~ ^[1-9][0-9]?$ ]] || die "addresses are 1 to 99 or all, not '$2'"
	pod_addresses "$2"
	;;
1:stop-apiserver) stop_apiserver ;;
1:start-apiserver) start_apiserver ;;
1:restart-apiserver) stop_apiserver && start_apiserver ;;
*) usage ;;
esac
