# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lock files: the exact pins that a wish ("haproxy of bookworm", "the kubelet's release file") came to.

They are made by the state `locked` and committed; builds only ever use what they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import BundleError
from .files import write_atomically

try:
    import yaml
except ImportError:  # pragma: no cover - ansible-core brings it
    yaml = None  # type: ignore[assignment]

HEADER = """---
# yamllint disable rule:line-length
# Made by: ansible-playbook playbooks/bundle.yml -e bundle_state=locked
# Do not edit: change the recipes and make it again.
"""


@dataclass(frozen=True)
class Package:
    """One pinned Debian package."""

    name: str
    version: str
    architecture: str
    sha256: str
    size: int
    #: path in Debian's pool
    filename: str
    #: who needs it: "machines" or the name of a root file system
    sets: tuple[str, ...] = ()


@dataclass(frozen=True)
class DebianLock:
    """All pinned Debian packages of one release."""

    release: str = ""
    packages: tuple[Package, ...] = ()

    def of(self, name: str) -> list[Package]:
        """The packages of one set, by name."""
        return [package for package in self.packages if name in package.sets]


@dataclass(frozen=True)
class UpstreamLock:
    """Checksums of official release files and digests of official images."""

    #: URL as the recipe writes it -> SHA-256
    files: Mapping[str, str] = field(default_factory=dict)
    #: name:tag -> digest of the linux/amd64 manifest
    images: Mapping[str, str] = field(default_factory=dict)


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    value = yaml.safe_load(path.read_text())
    if not isinstance(value, dict):
        raise BundleError(f"{path} is not a lock file: expected a mapping")
    return value


def read_debian(path: Path) -> DebianLock:
    """Read the lock of Debian packages; an absent file is an empty lock."""
    value = _load(path)
    try:
        packages = tuple(
            Package(**{**entry, "sets": tuple(entry["sets"])}) for entry in value.get("packages", [])
        )
    except (TypeError, KeyError) as error:
        raise BundleError(f"{path} is not a lock of Debian packages: {error}") from error
    return DebianLock(str(value.get("release", "")), packages)


def write_debian(path: Path, lock: DebianLock) -> None:
    """Write the lock of Debian packages, one package a block, by name."""
    lines = [f"{HEADER}release: {lock.release}", "packages:"]
    for package in sorted(lock.packages, key=lambda p: p.name):
        lines += [
            f"  - name: {package.name}",
            f"    version: '{package.version}'",
            f"    architecture: {package.architecture}",
            f"    sha256: {package.sha256}",
            f"    size: {package.size}",
            f"    filename: {package.filename}",
            f"    sets: [{', '.join(package.sets)}]",
        ]
    write_atomically(path, "\n".join(lines) + "\n")


def read_upstream(path: Path) -> UpstreamLock:
    """Read the lock of official releases; an absent file is an empty lock."""
    value = _load(path)
    return UpstreamLock(dict(value.get("files") or {}), dict(value.get("images") or {}))


def write_upstream(path: Path, lock: UpstreamLock) -> None:
    """Write the lock of official releases."""
    lines = [HEADER.rstrip(), "files:" if lock.files else "files: {}"]
    lines += [f"  {url!r}: {sha256}" for url, sha256 in sorted(lock.files.items())]
    lines.append("images:" if lock.images else "images: {}")
    lines += [f"  {name!r}: {digest}" for name, digest in sorted(lock.images.items())]
    write_atomically(path, "\n".join(lines) + "\n")
