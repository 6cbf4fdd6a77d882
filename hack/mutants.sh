#!/usr/bin/env bash
# mutants.sh ROOM [ARGUMENT…]: breaks each line of src/ROOM in turn and lists the breaks no test notices.
#
# cargo-mutants does the breaking (it is installed if it is missing). A mutant costs a build, so the room is
# first lifted out into a package of its own, with its own tests, what those need, and nothing else: what
# would not build there has an arrow it must not have. Arguments go to `cargo mutants`, such as --file or --shard.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

room=${1-}
case $room in
workqueue) below=(base) ;;
cache) below=(api base client http) ;;
record) below=(api base client http) ;;
leader) below=(api base client http sim) ;; # its candidates meet on pretend servers
*)
	echo "mutants.sh: name a room: workqueue, cache, record or leader" >&2
	exit 1
	;;
esac
shift
command -v cargo-mutants >/dev/null || cargo install cargo-mutants --locked

lifted=target/mutants/$room
rm --recursive --force "$lifted"
mkdir --parents "$lifted/src" "$lifted/test/it"
cp --recursive Cargo.lock clippy.toml manifests "$lifted/"
# Programs, examples and the tests on a cluster stay behind.
sed --expression='/^\[\[bin\]\]/,/^$/d' --expression='/^# On a real cluster/,/^$/d' \
	--expression='s/^autotests = false/&\nautoexamples = false/' Cargo.toml >"$lifted/Cargo.toml"
printf '[workspace]\n' >>"$lifted/Cargo.toml"
{
	echo '//! One room and those below it.'
	printf 'pub mod %s;\n' "${below[@]}" "$room"
} >"$lifted/src/lib.rs"
for part in "${below[@]}" "$room"; do
	for source in "src/$part" "src/$part.rs"; do
		[ ! -e "$source" ] || cp --recursive "$source" "$lifted/src/"
	done
done
printf '#![allow(clippy::unwrap_used, unreachable_pub)]\nmod %s;\n' "$room" >"$lifted/test/it/main.rs"
cp --recursive "test/it/$room" "$lifted/test/it/"

cd "$lifted"
export CARGO_TARGET_DIR=$PWD/../build
cargo mutants --in-place --no-shuffle --minimum-test-timeout=10 --file "src/$room/*.rs" \
	--cargo-test-arg=--test --cargo-test-arg=it "$@"
