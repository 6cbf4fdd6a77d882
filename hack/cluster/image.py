#!/usr/bin/env python3
"""Makes a container image without Docker: a docker-archive, as `ctr images import`,
`docker load` and `kind load image-archive` read it.

    image.py OUT.tar --name localhost/tool:dev --user 1000:1000 ./tool=/usr/bin/tool

Each SOURCE=DEST copies a file or a whole folder. The same input gives the same
bytes: names are sorted, owners and times are zero, only the x bit of a mode counts.
"""

import argparse
import hashlib
import io
import json
import os
import platform
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def files(source, dest):
    """Yields (path on disk, path in the image), folders before what is in them."""
    yield source, dest
    if os.path.isdir(source) and not os.path.islink(source):
        for name in sorted(os.listdir(source)):
            yield from files(f"{source}/{name}", f"{dest}/{name}")


def add(tar, path, source=None, content=None, target=None):
    """Adds one file, link or (given nothing) folder, with everything accidental left out."""
    entry = tarfile.TarInfo(path)
    if source and os.path.islink(source):
        target = os.readlink(source)
    if target:
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
        tar.addfile(entry)
    elif content is not None:
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    elif source and not os.path.isdir(source):
        entry.mode = 0o755 if os.stat(source).st_mode & 0o111 else 0o644
        entry.size = os.path.getsize(source)
        with open(source, "rb") as data:
            tar.addfile(entry, data)
    else:
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)


def layer(copies, links):
    """The image's one layer: a tar of all files, each parent folder once and first."""
    entries = {path.strip("/"): {"target": target} for path, target in links}
    for source, dest in copies:
        entries.update({path.strip("/"): {"source": on_disk} for on_disk, path in files(source, dest)})
    for path in list(entries):
        while path := os.path.dirname(path):
            entries.setdefault(path, {})
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(entries):
            add(tar, path, **entries[path])
    return out.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("out")
    parser.add_argument("copies", nargs="+", metavar="SOURCE=DEST")
    parser.add_argument("--name", action="append", required=True, help="localhost/NAME:TAG; more names for one image may follow")
    parser.add_argument("--user", default="0:0", help="numeric, so that runAsNonRoot can check it")
    parser.add_argument("--link", action="append", default=[], metavar="PATH=TARGET")
    parser.add_argument("--entrypoint", action="append", default=[], metavar="WORD")
    arguments = parser.parse_args()

    def pairs(words):
        return [word.split("=", 1) for word in words]

    data = layer(pairs(arguments.copies), pairs(arguments.link))
    digest = hashlib.sha256(data).hexdigest()
    config = json.dumps({
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "User": arguments.user,
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Entrypoint": arguments.entrypoint or None,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "image.py"}],
    }, sort_keys=True).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    layer_name = f"{digest}/layer.tar"
    manifest = json.dumps([
        {"Config": config_name, "RepoTags": arguments.name, "Layers": [layer_name]},
    ]).encode()

    # Written beside and renamed: a reader never sees half an image.
    unfinished = f"{arguments.out}.{os.getpid()}"
    with tarfile.open(unfinished, mode="w", format=tarfile.GNU_FORMAT) as tar:
        add(tar, config_name, content=config)
        add(tar, digest)
        add(tar, layer_name, content=data)
        add(tar, "manifest.json", content=manifest)
    os.replace(unfinished, arguments.out)


if __name__ == "__main__":
    main()
