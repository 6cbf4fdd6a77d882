#!/usr/bin/env bash
# e2e.sh [FILTER…]: the scenarios of test/e2e on real parts.
#
# Without KUBECONFIG: builds what is needed, then runs the API tests on a control plane alone, and the
# scenarios on a one-node cluster of hack/cluster, twice: with the controller as a Deployment from its
# own image, and outside the pod network with a kubeconfig. Needs root on a Debian machine.
#
# With KUBECONFIG: runs the scenarios on that cluster, with the controller as a Deployment. The cluster
# must have the images (hack/kind.sh loads them). What needs the machine is skipped, and said.
#
# FILTER chooses tests by a part of their names, such as cluster::trouble. One that matches none is refused
# before anything is built for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n== e2e: %s (%s s in)\n' "$*" "$SECONDS"; }

say "building the tests and the controller's static binary"
tests=$(cargo test --locked --no-run --test e2e --message-format=json |
	sed --quiet 's/.*"executable":"\([^"]*\/e2e-[^"]*\)".*/\1/p' | tail --lines=1)
[ -x "$tests" ] || { echo "e2e.sh: the test binary was not built" >&2; exit 1; }

# The test binary ends well when a filter leaves it nothing to do: a typing error would pass for success.
every_filter_matches() { # FILTER...
	local filter
	for filter; do
		if [[ $("$tests" --list "$filter") != *": test"* ]]; then
			printf 'e2e.sh: no test has "%s" in its name; there are:\n%s\n' "$filter" "$("$tests" --list)" >&2
			return 1
		fi
	done
}
inside=(cluster::) outside=(cluster::lifecycle cluster::faults::a_controller cluster::z_audit)
if [ $# -gt 0 ]; then
	inside=("$@") outside=("$@")
	export E2E_FILTERED=yes # what all scenarios together must have shown is not asked for
fi
every_filter_matches "${inside[@]}" "${outside[@]}"

E2E_BINARY=$(build/controller/binary.sh)
export E2E_BINARY

if [ -n "${KUBECONFIG:-}" ]; then
	say "the scenarios on the cluster of $KUBECONFIG"
	exec "$tests" --test-threads=1 --nocapture "${inside[@]}"
fi

say "building Kubernetes, its clients and the images; the first time takes minutes"
hack/cluster/build.sh
E2E_PEERS=$(hack/peers.sh)
export E2E_PEERS
hack/cluster/images.sh "$E2E_BINARY"

if [ $# -eq 0 ]; then
	say "the API tests on a control plane alone"
	hack/cluster/control-plane.sh "$tests" --test-threads=1 --nocapture api::
fi

say "the scenarios, the controller as a Deployment"
E2E_CONTROLLER=deployment hack/cluster/run.sh "$tests" --test-threads=1 --nocapture "${inside[@]}"

say "the controller outside the cluster, by port-forward"
E2E_CONTROLLER=outside hack/cluster/run.sh "$tests" --test-threads=1 --nocapture "${outside[@]}"

say "all scenarios passed"
