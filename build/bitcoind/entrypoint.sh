#!/bin/sh
# entrypoint.sh [OPTION… | COMMAND…]: a regtest node for `docker run`, or COMMAND instead of it.
#
# BC_RPC_USER and BC_RPC_PASSWORD, both or none, are who may use its RPC from outside. What is written down is a
# salted hash, in a file for this user only; the password itself is printed nowhere, is no program's argument,
# and is gone from the environment when the node starts. Without them only `bitcoin-cli` in the container is
# let in, by the node's cookie.
#
# The controller does not come here: its pods say `command: [bitcoind]`, with everything as options.
set -eu

die() {
	echo "entrypoint.sh: $*" >&2
	exit 1
}

# Bytes, as printf writes them: each number, flipped by the first one.
bytes() { # FLIP NUMBER...
	flip=$1
	shift
	for number; do printf '\\%03o' $((number ^ flip)); done
}

sha256() { sha256sum | cut -c 1-64; }

# HMAC-SHA256 of the password under the salt's text, in hexadecimal, as `-rpcauth` wants it. A key is as long as
# a block, 64 bytes: those of the salt, then zeros. The shell's own printf is the only one to see a password.
# shellcheck disable=SC2046,SC2059,SC2086 # a list of numbers is many words, and made to be a format
hashed() { # SALT PASSWORD
	key="$(printf %s "$1" | od -A n -v -t u1) 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"
	inner=$({ printf "$(bytes 0x36 $key)" && printf %s "$2"; } | sha256)
	{ printf "$(bytes 0x5c $key)" && printf "$(bytes 0 $(printf %s "$inner" | sed 's/../0x& /g'))"; } | sha256
}

# Everything but the chain's own section would be ignored there, or refused, since Bitcoin Core 0.17.
configuration() {
	echo "$mark"
	echo regtest=1
	echo '[regtest]'
	printf '%s\n' server=1 rest=1 txindex=1 fallbackfee=0.0002 printtoconsole=1 dnsseed=0 fixedseeds=0 listenonion=0
	# Whoever is on a private network, as containers and port-forwards are; more by -rpcallowip.
	echo rpcbind=0.0.0.0
	printf 'rpcallowip=%s\n' 127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16
	if [ "$user" ]; then
		salt=$(od -A n -v -t x1 -N 16 /dev/urandom | tr -d ' \n')
		echo "rpcauth=$user:$salt\$$(hashed "$salt" "$password")"
	fi
}

case ${1-} in
'' | -*) ;;
*) exec "$@" ;;
esac

user=${BC_RPC_USER-} password=${BC_RPC_PASSWORD-}
unset BC_RPC_USER BC_RPC_PASSWORD
if [ "$user" ] && [ ! "$password" ]; then die "there is BC_RPC_USER and no BC_RPC_PASSWORD"; fi
if [ "$password" ] && [ ! "$user" ]; then die "there is BC_RPC_PASSWORD and no BC_RPC_USER"; fi
case $user in
*[!A-Za-z0-9._@-]*) die "BC_RPC_USER may have letters, digits, and . _ @ - in it" ;;
esac

file=${HOME:?}/.bitcoin/bitcoin.conf
mark='# Written by entrypoint.sh at every start.'
if [ -e "$file" ] && ! grep -q -x "$mark" "$file"; then
	[ ! "$user" ] || die "$file is somebody's own, BC_RPC_USER would change nothing: remove one of the two"
else
	mkdir -p "${file%/*}"
	(umask 077 && configuration >"$file.new")
	mv "$file.new" "$file"
fi

# As the container's first process, so that it hears SIGTERM and writes its state before it ends.
exec bitcoind "$@"
