# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Official releases: files by URL and SHA-256, images by digest over the registry's HTTP interface."""

from __future__ import annotations

import hashlib
import json
import re
import string
import tarfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode

from ansible.module_utils.urls import open_url

from .errors import BundleError
from .files import CHUNK, write_atomically
from .oci import MANIFEST_TYPE, digest_of

#: Where official files and images come from; each can be replaced by a variable.
BASES = {
    "kubernetes": "https://dl.k8s.io",
    "github": "https://github.com",
    "raw": "https://raw.githubusercontent.com",
    "maven": "https://repo.maven.apache.org/maven2",
}
REGISTRIES = {"docker.io": "https://registry-1.docker.io"}

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
IMAGE_TYPES = (MANIFEST_TYPE, "application/vnd.docker.distribution.manifest.v2+json")
TRIES = 4


def expand(url: str, bases: Mapping[str, str]) -> str:
    """Put the base addresses into a recipe's URL (`${github}/…`)."""
    return string.Template(url).substitute({**BASES, **bases})


def _open(url: str, headers: Mapping[str, str] | None = None) -> IO[bytes]:
    for attempt in range(TRIES):
        try:
            return open_url(url, headers=dict(headers or {}), timeout=60)  # type: ignore[no-any-return]
        except HTTPError as error:
            if error.code < 500 or attempt == TRIES - 1:
                raise
        except (URLError, OSError):
            if attempt == TRIES - 1:
                raise
        time.sleep(2**attempt)
    raise AssertionError("unreachable")


def read(url: str) -> bytes:
    """The whole content behind a URL."""
    try:
        with _open(url) as stream:
            return stream.read()
    except OSError as error:
        raise BundleError(f"{url} cannot be fetched: {error}") from error


def download(url: str, destination: Path, sha256: str, headers: Mapping[str, str] | None = None) -> None:
    """Fetch a file and keep it only when its SHA-256 is right."""
    part = destination.with_name(f".{destination.name}.part")
    destination.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        with _open(url, headers) as stream, part.open("wb") as output:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                output.write(chunk)
        if digest.hexdigest() != sha256:
            raise BundleError(f"{url} has SHA-256 {digest.hexdigest()}, expected {sha256}; nothing was kept")
        part.replace(destination)
    except OSError as error:
        raise BundleError(f"{url} cannot be fetched: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def extract(archive: Path, members: Mapping[str, str], target: Path) -> None:
    """Take members of a tar or zip archive (or the file itself, for member "") to paths below `target`."""
    for member, path in members.items():
        write_atomically(target / path, _member(archive, member), 0o755)


def _member(archive: Path, member: str) -> bytes:
    if not member:
        return archive.read_bytes()
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                return opened.read(member)
        with tarfile.open(archive) as tar:
            names = {name.removeprefix("./"): name for name in tar.getnames()}
            stream = tar.extractfile(names[member.removeprefix("./")])
            if stream is None:
                raise KeyError(member)
            return stream.read()
    except (KeyError, tarfile.TarError) as error:
        raise BundleError(f"{archive.name} has no file {member}: {error}") from error


class Registry:
    """One registry as a client that may only read."""

    def __init__(self, host: str, bases: Mapping[str, str]) -> None:
        self.base = {**REGISTRIES, **bases}.get(host, f"https://{host}")
        self._headers: dict[str, str] = {}

    def _get(self, path: str, accept: str = "*/*") -> IO[bytes]:
        url = f"{self.base}/v2/{path}"
        try:
            return _open(url, {"Accept": accept, **self._headers})
        except HTTPError as error:
            challenge = error.headers.get("WWW-Authenticate", "")
            if error.code != 401 or not challenge.startswith("Bearer ") or self._headers:
                raise BundleError(f"{url}: {error}") from error
            self._authenticate(challenge)
            return self._get(path, accept)
        except OSError as error:
            raise BundleError(f"{url} cannot be fetched: {error}") from error

    def _authenticate(self, challenge: str) -> None:
        fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        query = urlencode({k: fields[k] for k in ("service", "scope") if k in fields})
        answer = json.loads(read(f"{fields['realm']}?{query}"))
        self._headers = {"Authorization": f"Bearer {answer.get('token') or answer['access_token']}"}

    def manifest(self, name: str, reference: str) -> bytes:
        """The image manifest of a tag or digest; of an index, the one for linux/amd64."""
        with self._get(f"{name}/manifests/{reference}", ", ".join((*INDEX_TYPES, *IMAGE_TYPES))) as stream:
            data = stream.read()
        if reference.startswith("sha256:") and digest_of(data) != reference:
            raise BundleError(f"{self.base}: manifest {name}@{reference} has digest {digest_of(data)}")
        value: dict[str, Any] = json.loads(data)
        if "manifests" not in value:
            return data
        for entry in value["manifests"]:
            platform = entry.get("platform", {})
            if (platform.get("os"), platform.get("architecture")) == ("linux", "amd64"):
                return self.manifest(name, entry["digest"])
        raise BundleError(f"{self.base}: {name}:{reference} has no image for linux/amd64")

    def blob(self, name: str, digest: str, destination: Path) -> None:
        """Fetch one blob and check it."""
        url = f"{self.base}/v2/{name}/blobs/{digest}"
        download(url, destination, digest.removeprefix("sha256:"), self._headers)


def pull(
    image: str, digest: str, folder: Path, bases: Mapping[str, str], tick: Callable[[str], None]
) -> tuple[bytes, dict[str, Path]]:
    """Fetch an image by digest: its manifest, and the file of each blob by digest."""
    host, _slash, name = image.partition("/")
    registry = Registry(host, bases)
    manifest = registry.manifest(name, digest)
    if digest_of(manifest) != digest:
        raise BundleError(f"{image}@{digest} is an index; expected the digest of its linux/amd64 image")
    value = json.loads(manifest)
    blobs: dict[str, Path] = {}
    for part in [value["config"], *value["layers"]]:
        blobs[part["digest"]] = folder / part["digest"].removeprefix("sha256:")
        registry.blob(name, part["digest"], blobs[part["digest"]])
        tick(f"{len(blobs)} of {len(value['layers']) + 1} blobs")
    return manifest, blobs


def resolve(image: str, tag: str, bases: Mapping[str, str]) -> str:
    """The digest of a tag's linux/amd64 image, today."""
    host, _slash, name = image.partition("/")
    return digest_of(Registry(host, bases).manifest(name, tag))


def published_sum(url: str) -> str:
    """SHA-256 of a release file: the one published beside it, or of the file itself."""
    for suffix in (".sha256", ".sha256sum"):
        try:
            found = re.search(rb"\b[0-9a-f]{64}\b", read(url + suffix))
        except BundleError:
            continue
        if found:
            return found[0].decode()
    digest = hashlib.sha256()
    try:
        with _open(url) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise BundleError(f"{url} cannot be fetched: {error}") from error
    return digest.hexdigest()
