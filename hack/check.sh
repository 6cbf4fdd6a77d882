#!/usr/bin/env bash
# Everything that must hold before a change lands and needs no cluster: format, lints, tests, docs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s\n' "$*"; }

step "format"
cargo fmt --all --check
cargo fmt --manifest-path test/fuzz/Cargo.toml --check
cargo fmt --all --manifest-path test/bench/Cargo.toml --check

step "lints, warnings denied"
cargo clippy --all-targets --locked -- --deny warnings
cargo clippy --test e2e --locked -- --deny warnings # it has `test = false`, so it is not among all targets
cargo clippy --no-default-features --locked -- --deny warnings

step "tests"
cargo test --locked

step "documentation"
RUSTDOCFLAGS="--deny warnings" cargo doc --no-deps --locked

step "all checks passed"
