#!/usr/bin/env bash
# get-bitcoind.sh [DEST]: leave a working DEST/bin/bitcoind and DEST/bin/bitcoin-cli
# on a Debian machine, without root. DEST defaults to the cache folder, which
# hack/cluster/images.sh reads. Does nothing, and needs no network, when they run.
#
# Debian packages a bitcoind in sid only: Bitcoin Knots, close kin of Bitcoin Core.
# It wants a newer libc than a bookworm machine has, so the libraries come along
# (from trixie, as they hold still) and the programs start through their own
# loader. DEST can be moved or copied as a whole.
set -euo pipefail

say() { printf 'get-bitcoind.sh: %s\n' "$*" >&2; }
die() {
	say "$@"
	exit 1
}

cache=${BITCOIN_CONTROLLER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bitcoin-controller}
dest=${1:-$cache/bitcoind}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

works() { "$1/bin/bitcoind" -version && "$1/bin/bitcoin-cli" -version; } >/dev/null 2>&1

if works "$dest"; then exit 0; fi
if [ $# -gt 1 ]; then die "usage: get-bitcoind.sh [DEST]"; fi
for tool in apt-get dpkg-deb flock; do
	command -v "$tool" >/dev/null || die "$tool is missing: this needs a Debian machine"
done
[ -r "$keyring" ] || die "$keyring is missing: apt-get install debian-archive-keyring"

mkdir --parents "$dest"
dest=$(cd "$dest" && pwd)
exec 9>"$dest/.lock"
flock 9
if works "$dest"; then exit 0; fi # another run made it while we waited

work=$(mktemp --directory "$dest/.new.XXXXXX")
trap 'rm --recursive --force "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Ask apt, not its files, which mirror this machine uses: sources have two formats.
# Without lists no release is known yet, hence --no-release-info.
# shellcheck disable=SC1091
codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --no-release-info --format '$(RELEASE) $(REPO_URI)' |
	awk -v release="$codename" '$1 == release { mirror = $2 } END { print mirror }')
[ -n "$mirror" ] || die "apt has no source for '$codename', so no mirror to ask for trixie and sid"

# An apt with a world of its own. Its package database is empty, so that it
# fetches every library; what only install scripts want is said to be there.
mkdir --parents "$work"/{lists,archives}/partial "$work/none" "$work/root"
for suite in trixie sid; do
	echo "deb [signed-by=$keyring] $mirror $suite main"
done >"$work/sources"
printf 'Package: *\nPin: release n=sid\nPin-Priority: 100\n' >"$work/preferences"
for name in debconf systemd-sysusers; do
	printf 'Package: %s\nStatus: install ok installed\nVersion: 999\nArchitecture: all\nMaintainer: -\nDescription: -\n\n' "$name"
done >"$work/status"
cat >"$work/apt.conf" <<CONF
Dir::Etc { sourcelist "$work/sources"; sourceparts "$work/none"; preferences "$work/preferences"; preferencesparts "$work/none"; };
Dir::State::lists "$work/lists";
Dir::State::status "$work/status";
Dir::Cache::archives "$work/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb;
Acquire::IndexTargets::deb::Packages { MetaKey "\$(COMPONENT)/binary-\$(ARCHITECTURE)/Packages"; ShortDescription "Packages"; Description "\$(RELEASE) Packages"; };
CONF

say "fetching bitcoin-knots (sid) and its libraries (trixie) from $mirror"
{
	apt-get --config-file="$work/apt.conf" update &&
		apt-get --config-file="$work/apt.conf" --yes --no-install-recommends --download-only install bitcoin-knots
} >"$work/log" 2>&1 || {
	cat "$work/log" >&2
	die "apt could not fetch bitcoin-knots, its words are above"
}
for package in "$work"/archives/*.deb; do dpkg-deb --extract "$package" "$work/root"; done

# Keep the programs, the loader, and the libraries the loader names for them.
libraries=$(echo "$work"/root/usr/lib/*-linux-gnu*)
loader=$(find "$libraries" -maxdepth 1 -name 'ld-linux*.so.*')
new=$work/new
mkdir --parents "$new/bin" "$new/lib/bitcoin/loader"
cp --dereference "$loader" "$new/lib/bitcoin/"
for program in bitcoind bitcoin-cli; do
	cp "$work/root/usr/bin/$program" "$new/lib/bitcoin/$program.bin"
	# By this name ps and pgrep see the program, not its loader.
	ln --symbolic "../${loader##*/}" "$new/lib/bitcoin/loader/$program"
	"$loader" --inhibit-cache --library-path "$libraries" --list "$work/root/usr/bin/$program" |
		sed --quiet 's|.* => \(/.*\) (0x.*|\1|p' |
		xargs cp --dereference --update --target-directory="$new/lib/bitcoin"
	cat >"$new/bin/$program" <<'WRAPPER'
#!/bin/sh
self=$(readlink -f "$0")
name=${self##*/}
lib=${self%/bin/*}/lib/bitcoin
exec "$lib/loader/$name" --inhibit-cache --library-path "$lib" --argv0 "$name" "$lib/$name.bin" "$@"
WRAPPER
	chmod 755 "$new/bin/$program"
done

works "$new" || die "the fetched bitcoind does not start: $("$new/bin/bitcoind" -version 2>&1 | head --lines=3)"
rm --recursive --force "${dest:?}/bin" "${dest:?}/lib"
mv "$new/lib" "$new/bin" "$dest/"
say "$("$dest/bin/bitcoind" -version | head --lines=1) in $dest"
