#!/usr/bin/env bash
# package-chart.sh FOLDER [URL [OPTION…]]: package the Helm chart into FOLDER, and publish it.
#
#   package-chart.sh charts https://example.com/charts   adds it to FOLDER/index.yaml: what a web server at URL is
#                                                        to serve from FOLDER is a chart repository
#   package-chart.sh charts oci://ghcr.io/somebody       pushes it to a registry, with OPTIONs of `helm push`
#
# Only files that git knows are in it, with the time of the last commit to them: the same commit gives the same
# bytes. HELM names the program, if it is not to be the `helm` on the PATH or, without one, that of hack/peers.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
chart=helm/bitcoin-controller

if [ $# -lt 1 ]; then
	echo "usage: package-chart.sh FOLDER [URL [OPTION…]]" >&2
	exit 1
fi
helm=${HELM:-$(command -v helm || echo "$("$root/hack/peers.sh")/helm")}
mkdir --parents "$1"
folder=$(cd "$1" && pwd)
work=$(mktemp --directory)
trap 'rm --recursive --force "$work"' EXIT

cd "$root"
seconds=$(git log --max-count=1 --format=%ct -- $chart)
git ls-files -z -- $chart | xargs --null cp --parents --target-directory="$work"
find "$work" -exec touch --date="@${seconds:-0}" {} +
package=$("$helm" package "$work/$chart" --destination "$work" | sed 's/.*saved it to: //')
mv "$package" "$folder/"
package=$folder/${package##*/}

case ${2-} in
'') ;;
oci://*) "$helm" push "$package" "${@:2}" ;;
*)
	merge=()
	if [ -e "$folder/index.yaml" ]; then merge=(--merge "$folder/index.yaml"); fi
	"$helm" repo index "$folder" --url "$2" "${merge[@]}"
	# What is written now has fractions of seconds; what was there has not.
	now=$(date --utc --date="@${seconds:-0}" +%Y-%m-%dT%H:%M:%SZ)
	sed --in-place "s/^\( *\(created\|generated\): \)\"[^\"]*\.[0-9]*Z\"/\1\"$now\"/" "$folder/index.yaml"
	;;
esac
echo "$package"
