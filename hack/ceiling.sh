#!/usr/bin/env bash
# ceiling.sh: counts the instructions and allocations of small workloads (test/bench/ceiling) and compares them with
# test/bench/ceiling.json. More than 5 % more instructions, or 1 % more allocations, than are written there fail.
#
#     hack/ceiling.sh                 # a table; fails if anything is over its ceiling
#     hack/ceiling.sh --move "WHY"    # writes today's values of what is over, or far below, and why
#
# Counts, not times: what else the machine does makes no difference.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
	echo "ceiling.sh: $*" >&2
	exit 1
}

file=test/bench/ceiling.json
case ${1-} in
'') arguments=(--check "$file") ;;
--move)
	[ $# -eq 2 ] || die 'say why: hack/ceiling.sh --move "WHY"'
	arguments=(--move "$file" "$2")
	;;
*) die "unknown argument \`$1\`" ;;
esac

# callgrind reads the program's symbols, and its own libc's.
if ! command -v valgrind >/dev/null; then
	install() { DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends valgrind libc6-dbg >&2; }
	# A machine that never ran update has no lists, one that ran it long ago has stale ones.
	install || { apt-get update --quiet=2 >&2 && install; } || die "apt-get could not install valgrind"
fi

cargo build --release --locked --manifest-path test/bench/Cargo.toml --package bench-ceiling --target-dir target/bench
target/bench/release/bench-ceiling "${arguments[@]}"
