# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The storage folder of an OCI registry (distribution's file system driver), written and checked directly.

A registry process that is pointed at the folder serves what is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from .files import link, sha256_of, write_atomically
from .oci import digest_of

ROOT = "docker/registry/v2"


def blob_path(root: Path, digest: str) -> Path:
    """Where the content with this digest lies below the registry's root folder."""
    algorithm, _colon, value = digest.partition(":")
    return root / ROOT / "blobs" / algorithm / value[:2] / value / "data"


def _repository(root: Path, name: str) -> Path:
    return root / ROOT / "repositories" / name


def _tag_link(root: Path, name: str, tag: str) -> Path:
    return _repository(root, name) / "_manifests/tags" / tag / "current/link"


def add_file(root: Path, digest: str, source: Path) -> None:
    """Add a blob as a hard link to a file that has this digest."""
    link(source, blob_path(root, digest))


def add_bytes(root: Path, data: bytes) -> str:
    """Add a blob and return its digest."""
    digest = digest_of(data)
    write_atomically(blob_path(root, digest), data)
    return digest


def add_manifest(root: Path, name: str, tag: str, manifest: bytes) -> str:
    """Add a manifest whose blobs are there, under a repository's tag, and return its digest."""
    digest = add_bytes(root, manifest)
    repository = _repository(root, name)
    value = digest.removeprefix("sha256:")
    for blob in referenced(json.loads(manifest)):
        write_atomically(repository / "_layers/sha256" / blob.removeprefix("sha256:") / "link", blob)
    write_atomically(repository / "_manifests/revisions/sha256" / value / "link", digest)
    write_atomically(repository / "_manifests/tags" / tag / "index/sha256" / value / "link", digest)
    write_atomically(_tag_link(root, name, tag), digest)
    return digest


def referenced(manifest: dict[str, object]) -> list[str]:
    """Digests of the configuration and the layers that an image manifest refers to."""
    parts = [manifest.get("config"), *(manifest.get("layers") or [])]  # type: ignore[misc]
    return [str(part["digest"]) for part in parts if isinstance(part, dict)]


def image_size(root: Path, manifest: bytes) -> int:
    """Bytes of an image: its manifest, configuration and layers as stored."""
    return len(manifest) + sum(blob_path(root, d).stat().st_size for d in referenced(json.loads(manifest)))


def problems(root: Path, name: str, tag: str, digest: str, known_good: set[str]) -> Iterator[str]:
    """Say what is wrong with a stored image; blobs found right are added to `known_good`."""
    tag_link = _tag_link(root, name, tag)
    if not tag_link.is_file():
        yield f"missing: the registry has no tag {tag} in repository {name} ({tag_link})"
        return
    found = tag_link.read_text().strip()
    if found != digest:
        yield f"altered: tag {tag} names {found}, expected {digest}"
        return
    manifest_file = blob_path(root, digest)
    problem = _blob_problem(manifest_file, digest, None, known_good)
    if problem:
        yield f"manifest {problem}"
        return
    manifest = json.loads(manifest_file.read_bytes())
    repository = _repository(root, name)
    if not (repository / "_manifests/revisions/sha256" / digest.removeprefix("sha256:") / "link").is_file():
        yield f"missing: the link to its revision in repository {name}"
    for part in [manifest["config"], *manifest["layers"]]:
        problem = _blob_problem(blob_path(root, part["digest"]), part["digest"], part["size"], known_good)
        if problem:
            yield f"blob {problem}"
        if not (repository / "_layers/sha256" / part["digest"].removeprefix("sha256:") / "link").is_file():
            yield f"missing: the link to blob {part['digest']} in repository {name}"


def _blob_problem(path: Path, digest: str, size: int | None, known_good: set[str]) -> str | None:
    if digest in known_good:
        return None
    problem = file_problem(path, digest.removeprefix("sha256:"), size)
    if problem is None:
        known_good.add(digest)
    return problem


def file_problem(path: Path, sha256: str, size: int | None) -> str | None:
    """What is wrong with a file, or None: missing, truncated (or grown), altered."""
    if not path.is_file():
        return f"missing: {path}"
    found = path.stat().st_size
    if size is not None and found != size:
        word = "truncated" if found < size else "altered"
        return f"{word}: {path} has {found} bytes, expected {size}"
    actual = sha256_of(path)
    if actual != sha256:
        return f"altered: {path} has SHA-256 {actual}, expected {sha256}"
    return None
