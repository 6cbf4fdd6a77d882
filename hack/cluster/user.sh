#!/usr/bin/env bash
# user.sh NAME [GROUP...]: make a kubeconfig for another user of the cluster that
# CLUSTER_DIR names, and print its path. NAME is who the audit log says it was; its
# rights are what RBAC grants. A controller with a service account's rights, outside a pod:
#
#   user.sh system:serviceaccount:NS:NAME system:serviceaccounts system:serviceaccounts:NS
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

[ "${CLUSTER_DIR-}" ] || die "CLUSTER_DIR is not set: this is for a COMMAND inside run.sh or control-plane.sh"
[ $# -gt 0 ] || die "usage: user.sh NAME [GROUP...]"

subject=CN=$1
for group in "${@:2}"; do subject=O=$group/$subject; done
kubeconfig "user-${1//[^A-Za-z0-9.-]/-}" "$subject"
echo "$CLUSTER_DIR/kubeconfigs/user-${1//[^A-Za-z0-9.-]/-}"
