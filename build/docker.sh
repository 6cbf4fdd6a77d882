#!/usr/bin/env bash
# docker.sh [--push] [PREFIX]: build both images with Docker, as PREFIX/bitcoin-controller and PREFIX/bitcoind
# (without PREFIX, by these names alone), and push them if asked to. A tag is a version, never `latest`. Prints
# what the images are called.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

push=
if [ "${1-}" = --push ]; then push=yes && shift; fi
if [ $# -gt 1 ] || [[ ${1-} == -* ]]; then
	echo "usage: docker.sh [--push] [PREFIX]" >&2
	exit 1
fi
prefix=${1:+${1%/}/}
controller=${prefix}bitcoin-controller:$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head --lines=1)
bitcoind=${prefix}bitcoind:$(sed -n 's/^ARG VERSION=//p' build/bitcoind/Dockerfile)

docker build --file build/controller/Dockerfile --tag "$controller" . >&2
docker build --tag "$bitcoind" build/bitcoind >&2
for image in "$controller" "$bitcoind"; do
	[ -z "$push" ] || docker push "$image" >&2
	echo "$image"
done
