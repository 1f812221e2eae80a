# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Container images written by hand: layers as plain tar files, config and manifest as JSON.

No daemon, no root, no clock: the same entries always give the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal, cast

#: Time of every file in a layer and of every image: 2026-01-01T00:00:00Z.
EPOCH = 1767225600
CREATED = "2026-01-01T00:00:00Z"

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Entry:
    """One path of a layer. A file's content is `content`, or the file `source` when that is given."""

    path: str
    kind: Literal["file", "directory", "symlink", "hardlink"] = "file"
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    content: bytes = b""
    source: Path | None = None
    target: str = ""


@dataclass(frozen=True)
class Blob:
    """A stored piece of an image: its media type, `sha256:…` digest and size in bytes."""

    media_type: str
    digest: str
    size: int
    #: digest of a layer's tar before compression; empty for what is not a layer
    diff_id: str = ""

    def descriptor(self) -> dict[str, Any]:
        """The OCI descriptor that manifests refer to it by."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True)
class ImageSpec:
    """What a container of this image runs."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    directory: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def digest_of(data: bytes) -> str:
    """`sha256:…` of bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


class _Hashing(io.RawIOBase):
    """Passes what is written on to a stream and keeps its digest and size."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._hash.update(data)
        self.size += len(data)
        self._stream.write(data)
        return len(data)

    @property
    def digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()


def _with_parents(entries: Iterable[Entry]) -> list[Entry]:
    """All entries by path, the last of a path winning, with the folders that they need."""
    by_path: dict[str, Entry] = {}
    for entry in entries:
        path = str(PurePosixPath("/") / entry.path).lstrip("/")
        if path:
            by_path[path] = entry
    for path in list(by_path):
        for parent in PurePosixPath(path).parents:
            name = str(parent)
            if name != "." and name not in by_path:
                by_path[name] = Entry(path=name, kind="directory", mode=0o755)
    ordered = [
        Entry(path, e.kind, e.mode, e.uid, e.gid, e.content, e.source, e.target)
        for path, e in sorted(by_path.items())
    ]
    # a hard link must come after the file that it names
    return sorted(ordered, key=lambda entry: entry.kind == "hardlink")


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.path)
    info.mtime, info.mode, info.uid, info.gid = EPOCH, entry.mode, entry.uid, entry.gid
    if entry.kind == "directory":
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    elif entry.kind in ("symlink", "hardlink"):
        info.type = tarfile.SYMTYPE if entry.kind == "symlink" else tarfile.LNKTYPE
        info.linkname = entry.target
        archive.addfile(info)
    elif entry.source is not None:
        info.size = entry.source.stat().st_size
        with entry.source.open("rb") as stream:
            archive.addfile(info, stream)
    else:
        info.size = len(entry.content)
        archive.addfile(info, io.BytesIO(entry.content))


def write_layer(entries: Iterable[Entry], destination: Path) -> Blob:
    """Write entries as a gzipped tar file and say what it is."""
    with destination.open("wb") as stream:
        packed = _Hashing(stream)
        with gzip.GzipFile(
            filename="", mode="wb", compresslevel=6, fileobj=cast(Any, packed), mtime=0
        ) as zipped:
            plain = _Hashing(cast(IO[bytes], zipped))
            with tarfile.open(
                fileobj=cast(Any, plain), mode="w|", format=tarfile.GNU_FORMAT, bufsize=1 << 20
            ) as tar:
                for entry in _with_parents(entries):
                    _add(tar, entry)
    return Blob(LAYER_TYPE, packed.digest, packed.size, plain.digest)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def image_config(layers: Iterable[Blob], spec: ImageSpec, architecture: str = "amd64") -> bytes:
    """The image's configuration as JSON."""
    layers = list(layers)
    environment = {"PATH": PATH, **spec.environment}
    run: dict[str, Any] = {"Env": [f"{k}={v}" for k, v in environment.items()], "WorkingDir": spec.directory}
    if spec.entrypoint:
        run["Entrypoint"] = list(spec.entrypoint)
    if spec.command:
        run["Cmd"] = list(spec.command)
    if spec.user:
        run["User"] = spec.user
    if spec.labels:
        run["Labels"] = dict(spec.labels)
    return _canonical(
        {
            "created": CREATED,
            "architecture": architecture,
            "os": "linux",
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [{"created": CREATED, "created_by": "nilecare.platform bundle"} for _layer in layers],
        }
    )


def image_manifest(config: bytes, layers: Iterable[Blob]) -> bytes:
    """The image's manifest as JSON; its digest is the image's digest."""
    return _canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": Blob(CONFIG_TYPE, digest_of(config), len(config)).descriptor(),
            "layers": [layer.descriptor() for layer in layers],
        }
    )
