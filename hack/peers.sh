#!/usr/bin/env bash
# peers.sh: build what other people's software talks to API servers with: the Go programs of test/peers on
# client-go, and helm; and a registry for what helm pushes. Prints the folder they are in. Does nothing when all is
# there.
#
# The first time costs two to four minutes on two cores; 120 MB of programs are kept.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cluster/lib.sh
. "$(dirname "$(readlink -f "$0")")/cluster/lib.sh"

programs_src=$cluster_src/../../test/peers
helm_src=$cluster_src/helm
registry_src=$cluster_src/registry
helm_version=$(sed -n 's|^.*helm.sh/helm/v4 \(v[0-9.]*\).*|\1|p' "$helm_src/go.mod")

# A folder's name says what was built: checkouts with other sources do not disturb each other.
key() { # FOLDER
	(cd "$1" && find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut --characters=1-12)
}

build() { # FOLDER OUTPUT PACKAGE LDFLAGS
	local started=$SECONDS
	say "compiling $3"
	(cd "$1" && CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off \
		go build -trimpath -buildvcs=false -ldflags "-s -w $4" -o "$2" "$3") ||
		die "$3: go build failed, see above"
	say "done in $((SECONDS - started)) s"
}

helm=$cache/helm-$helm_version-$(key "$helm_src")
registry=$cache/registry-$(key "$registry_src")
programs=$cache/peers-$(key "$programs_src")
mkdir --parents "$cache"
exec 9>"$cache/.peers.lock"
flock 9 || die "cannot lock $cache"

# Renamed only when complete: a folder that is there always works.
if [ ! -d "$helm" ]; then
	check_go "$helm_src/go.mod" "helm $helm_version"
	rm --recursive --force "$helm.new"
	build "$helm_src" "$helm.new/" helm.sh/helm/v4/cmd/helm "-X helm.sh/helm/v4/internal/version.version=$helm_version"
	mv "$helm.new" "$helm"
fi
if [ ! -d "$registry" ]; then
	check_go "$registry_src/go.mod" "the registry"
	rm --recursive --force "$registry.new"
	build "$registry_src" "$registry.new/" github.com/google/go-containerregistry/cmd/registry ""
	mv "$registry.new" "$registry"
fi
if [ ! -d "$programs" ]; then
	check_go "$programs_src/go.mod" "test/peers"
	check_go "$programs_src/scrape/go.mod" "test/peers/scrape"
	rm --recursive --force "$programs.new"
	build "$programs_src" "$programs.new/" ./... ""
	# A module of its own: Prometheus asks for another client-go.
	build "$programs_src/scrape" "$programs.new/" . ""
	mv "$programs.new" "$programs"
fi
ln --symbolic --force --no-dereference "$helm/helm" "$registry/registry" "$programs/"
echo "$programs"
