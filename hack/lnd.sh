#!/usr/bin/env bash
# lnd.sh: build LND, a Lightning node, from its Go module, and make the image localhost/lnd:dev of it, for the
# scenarios in which an application that nobody of us wrote uses a network. Does nothing when all is there.
#
# The first time costs three to four minutes on two cores; 64 MB of program are kept, and as much of image.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cluster/lib.sh
. "$(dirname "$(readlink -f "$0")")/cluster/lib.sh"

lnd_src=$cluster_src/../lnd
lnd_version=$(sed -n 's|^.*github.com/lightningnetwork/lnd \(v[0-9a-z.-]*\).*|\1|p' "$lnd_src/go.mod")
lnd=$cache/lnd-$lnd_version-$(sha256sum <"$lnd_src/go.sum" | cut --characters=1-12)

mkdir --parents "$cache" "$images"
exec 9>"$cache/.lnd.lock"
flock 9 || die "cannot lock $cache"

# Renamed only when complete: a folder that is there always works.
if [ ! -d "$lnd" ]; then
	check_go "$lnd_src/go.mod" "LND $lnd_version"
	say "compiling LND $lnd_version"
	started=$SECONDS
	rm --recursive --force "$lnd.new"
	(cd "$lnd_src" && CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off \
		go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$lnd.new/" github.com/lightningnetwork/lnd/cmd/lnd) ||
		die "LND: go build failed, see above"
	say "done in $((SECONDS - started)) s"
	mv "$lnd.new" "$lnd"
fi
if [ "$(cat "$images/.lnd" 2>/dev/null)" != "$lnd" ] || [ ! -f "$images/lnd.tar" ]; then
	python3 "$cluster_src/image.py" "$images/lnd.tar" --name localhost/lnd:dev --user 1000:1000 --entrypoint /lnd "$lnd/lnd=/lnd"
	echo "$lnd" >"$images/.lnd"
	say "localhost/lnd:dev: $(($(stat --format=%s "$images/lnd.tar") / 1000)) kB"
fi
