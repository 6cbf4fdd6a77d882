#!/usr/bin/env bash
# binary.sh [PROFILE]: build the controller as one static binary, without the demo, and print its path. PROFILE is
# cargo's: `dist`, the small one that images ship, unless said otherwise.
#
# glibc links statically with an explicit target; without one, the flag would reach build scripts and derive
# macros as well, which must be loaded dynamically.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

profile=${1:-dist}
target=$(rustc --version --verbose | sed -n 's/^host: //p')
RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs" cargo build --locked --profile "$profile" --no-default-features \
	--bin bitcoin-controller --target "$target" >&2
echo "${CARGO_TARGET_DIR:-$PWD/target}/$target/$profile/bitcoin-controller"
