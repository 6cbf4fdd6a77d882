#!/usr/bin/env bash
# e2e.sh [FILTER…]: the scenarios of test/e2e on real parts.
#
# Without KUBECONFIG: builds what is needed, then runs the API tests on a control plane alone, and the
# scenarios on a one-node cluster of hack/cluster, twice: with the controller as a Deployment from its
# own image, and outside the pod network with a kubeconfig; and the story of the Helm chart, which brings
# the controller itself. Needs root on a Debian machine.
#
# With KUBECONFIG: runs the scenarios on that cluster, with the controller as a Deployment. The cluster
# must have the images (hack/kind.sh loads them). What needs the machine is skipped, and said; so is the chart.
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

# Of the tests that the filters choose, those of the chart bring the controller themselves, and the others find it.
chosen() { "$tests" --list "$@" | sed --quiet 's/: test$//p'; }
mapfile -t charts < <(chosen "${inside[@]}" | grep '^cluster::helm::')
mapfile -t inside < <(chosen "${inside[@]}" | grep --invert-match '^cluster::helm::')
mapfile -t outside < <(chosen "${outside[@]}" | grep --invert-match '^cluster::helm::')

scenarios() { # TEST...
	"${in_cluster[@]}" "$tests" --test-threads=1 --nocapture --exact "$@"
}

E2E_BINARY=$(build/controller/binary.sh)
export E2E_BINARY

if [ -n "${KUBECONFIG:-}" ]; then
	say "the scenarios on the cluster of $KUBECONFIG"
	in_cluster=()
	[ ${#charts[@]} -eq 0 ] || echo "SKIPPED: ${charts[*]}: another controller may be there"
	[ ${#inside[@]} -eq 0 ] || scenarios "${inside[@]}"
	exit
fi

say "building Kubernetes, its clients and the images; the first time takes minutes"
hack/cluster/build.sh
E2E_PEERS=$(hack/peers.sh)
export E2E_PEERS
hack/cluster/images.sh "$E2E_BINARY"
if [[ " ${inside[*]} " == *" cluster::lnd::"* ]]; then hack/lnd.sh; fi

if [ $# -eq 0 ]; then
	say "the API tests on a control plane alone"
	hack/cluster/control-plane.sh "$tests" --test-threads=1 --nocapture api::
fi

in_cluster=(hack/cluster/run.sh)
if [ ${#inside[@]} -gt 0 ]; then
	say "the scenarios, the controller as a Deployment"
	E2E_CONTROLLER=deployment scenarios "${inside[@]}"
fi

if [ ${#outside[@]} -gt 0 ]; then
	say "the controller outside the cluster, by port-forward"
	E2E_CONTROLLER=outside scenarios "${outside[@]}"
fi

if [ ${#charts[@]} -gt 0 ]; then
	say "the controller from the Helm chart"
	scenarios "${charts[@]}"
fi

say "all scenarios passed"
