#!/usr/bin/env bash
# bench.sh [ROW…]: this project's modules beside kube-rs and client-go, the same small program three times on the
# same bytes; see test/bench/README.md. With ROWs these are measured and printed. Without, all are, which takes
# under 25 minutes on two cores that should have nothing else to do; the results replace test/bench/results.json
# and what README.md has between its two markers.
#
# Building costs as much again the first time. Without Go, client-go is left out, and the table says so.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cluster/lib.sh
. "$(dirname "$(readlink -f "$0")")/cluster/lib.sh"
cd "$cluster_src/../.."

[ "$(nproc)" -ge 2 ] || die "there is one core: the program and the server it talks to need one each"
command -v taskset >/dev/null || die "taskset is missing (in Debian's package util-linux)"
begin='<!-- bench -->' end='<!-- /bench -->'
if [ $# -eq 0 ]; then
	for marker in "$begin" "$end"; do
		grep --quiet --line-regexp --fixed-strings "$marker" README.md || die "README.md has no line \`$marker\`"
	done
fi

target=$PWD/target/bench
programs=$target/programs
mkdir --parents "$programs"

# One package at a time: together, each would be built with the features that another asks for.
build() { # PACKAGE [ARGUMENTS…]
	say "compiling ${*}"
	cargo build --profile shipped --locked --manifest-path test/bench/Cargo.toml --target-dir "$target" --package "$@"
}

keep() { # PROGRAM [AS]
	strip --strip-all -o "$programs/${2-$1}" "$target/shipped/$1"
}

build bench-run
build bench-stub
keep bench-stub
build bench-ours --features count
keep bench-ours bench-ours-count
build bench-ours
keep bench-ours
build bench-kube --features count
keep bench-kube bench-kube-count
# Ours counts there as well.
keep bench-kube-inside
build bench-kube --bin bench-kube
keep bench-kube
build bench-inside
keep bench-inside
build bench-growth
keep bench-growth

go_src=test/bench/client-go
rm --force "$programs"/bench-client-go*
if (check_go "$go_src/go.mod" "$go_src"); then
	say "compiling $go_src"
	(
		cd "$go_src"
		export CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off
		go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$programs/bench-client-go" .
		go test -c -o "$programs/bench-client-go-inside" .
	)
else
	say "client-go is left out"
fi
install "$(build/controller/binary.sh)" "$programs/"

bench_run=$target/shipped/bench-run
if [ $# -gt 0 ]; then
	exec "$bench_run" --programs "$programs" "$@"
fi
results=test/bench/results.json
# What failed is in the file, too; it is kept apart then.
"$bench_run" --programs "$programs" --json "$target/results.json"
cp "$target/results.json" "$results"
{
	sed "\\|^$begin\$|q" README.md
	echo
	"$bench_run" --render "$results"
	sed --quiet "\\|^$end\$|,\$p" README.md
} >README.md.new
mv README.md.new README.md
say "wrote $results and README.md"
