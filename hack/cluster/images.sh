#!/usr/bin/env bash
# images.sh [CONTROLLER]: make the container images of a test cluster, as tar files
# in the cache, without Docker. CONTROLLER is the path of a static binary:
#
#   hack/cluster/images.sh "$(build/controller/binary.sh)"
#
# Without it that image stays as it is. The same input gives the same bytes.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

image() { # NAME:TAG ARGUMENTS of image.py
	python3 "$cluster_src/image.py" "$images/${1%:*}.tar" --name "localhost/$1" "${@:2}"
	say "localhost/$1: $(($(stat --format=%s "$images/${1%:*}.tar") / 1000)) kB"
}

[ $# -le 1 ] || die "usage: images.sh [CONTROLLER]"
for tool in cc python3; do
	command -v "$tool" >/dev/null || die "$tool is missing: apt-get install gcc libc6-dev python3"
done
[ -x /bin/busybox ] || die "/bin/busybox is missing: apt-get install busybox-static"
"$cluster_src/../get-bitcoind.sh"

mkdir --parents "$images"
work=$(mktemp --directory)
trap 'rm --recursive --force "$work"' EXIT

# What holds a pod's namespaces. As PID 1 it must handle SIGTERM itself, the
# default is to ignore it there; ignoring SIGCHLD lets no zombie stay.
cc -static -Os -s -o "$work/pause" -x c - <<'C'
#include <signal.h>
#include <unistd.h>
static void end(int signal) { (void)signal; _exit(0); }
int main(void) {
    signal(SIGTERM, end);
    signal(SIGINT, end);
    signal(SIGCHLD, SIG_IGN);
    for (;;) pause();
}
C
image pause:1 --user 65535:65535 --entrypoint /pause "$work/pause=/pause"

# bitcoind's wrappers need sh and readlink, the entrypoint a few more, people and probes like the rest.
# Networks do without the entrypoint: their pods say `command: [bitcoind]`, whatever image they run.
links=(--link /usr/bin/bitcoind=/opt/bitcoin/bin/bitcoind --link /usr/bin/bitcoin-cli=/opt/bitcoin/bin/bitcoin-cli)
while read -r applet; do links+=(--link "/bin/$applet=busybox"); done < <(/bin/busybox --list | grep --invert-match busybox)
# The default image of the controller has its name here too, since nothing can be pulled; `:other`
# is for tests that change the image.
image bitcoind:dev --name docker.io/bitcoin/bitcoin:29.0 --name localhost/bitcoind:other --user 1000:1000 --entrypoint /usr/local/bin/entrypoint.sh "${links[@]}" /bin/busybox=/bin/busybox \
	"$cluster_src/../../build/bitcoind/entrypoint.sh=/usr/local/bin/entrypoint.sh" \
	"$cache/bitcoind/bin=/opt/bitcoin/bin" "$cache/bitcoind/lib=/opt/bitcoin/lib"

if [ $# -eq 1 ]; then
	[ -x "$1" ] || die "$1 is no executable"
	# FROM scratch there is no loader: a dynamic binary would fail in the pod, with a puzzling message.
	if ldd "$1" 2>/dev/null | grep --quiet '=>\|ld-linux'; then
		die "$1 is dynamically linked, build it with build/controller/binary.sh"
	fi
	image bitcoin-controller:dev --name docker.io/library/bitcoin-controller:0.1.0 --user 65532:65532 --entrypoint /bitcoin-controller "$1=/bitcoin-controller"
fi
