#!/usr/bin/env bash
# fuzz.sh [RUNS [TARGET…]]: throws RUNS inputs (a million unless said) at each fuzz target of test/fuzz.
#
# libFuzzer drives them: it sees which branches an input takes and varies those that took new ones. No nightly
# compiler is needed, but a C++ one (libFuzzer is C++). An input that panics, or takes more than ten seconds, or
# a gigabyte, ends the run and is kept as target/fuzz/TARGET-….
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

runs=${1:-1000000}
shift || true
[[ $runs =~ ^[0-9]+$ ]] || { echo "fuzz.sh: \`$runs\` is no number of runs" >&2; exit 1; }
if [ $# -eq 0 ]; then
	for target in test/fuzz/src/bin/*.rs; do
		set -- "$@" "$(basename "$target" .rs)"
	done
fi
for target; do
	[ -d "test/fuzz/corpus/$target" ] || { echo "fuzz.sh: there is no target \`$target\`" >&2; exit 1; }
done
command -v c++ >/dev/null || { apt-get update && apt-get install --yes g++; } >&2

# What `cargo fuzz` says to the compiler: count branches, and tell libFuzzer what was compared with what.
RUSTFLAGS="-C passes=sancov-module -C codegen-units=1 --cfg fuzzing"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
	RUSTFLAGS+=" -C llvm-args=-sanitizer-coverage-$option"
done
export RUSTFLAGS
# Build scripts run on this machine and have no counters: --target keeps the flags from them.
host=$(rustc --version --verbose | sed -n 's/^host: //p')
cargo build --release --manifest-path test/fuzz/Cargo.toml --locked --target "$host" --target-dir target/fuzz

for target; do
	printf '\n== fuzz: %s, %s inputs\n' "$target" "$runs"
	found=target/fuzz/corpus/$target
	mkdir --parents "$found"
	log=target/fuzz/$target.log
	if ! "target/fuzz/$host/release/$target" -runs="$runs" -timeout=10 -rss_limit_mb=1024 -max_len=8192 \
		-print_final_stats=1 -artifact_prefix="target/fuzz/$target-" \
		"$found" "test/fuzz/corpus/$target" >"$log" 2>&1; then
		tail --lines=60 "$log" >&2
		echo "fuzz.sh: $target failed; its whole log is $log" >&2
		exit 1
	fi
	grep '^stat::number_of_executed_units' "$log"
done
printf '\n== fuzz: nothing found\n'
