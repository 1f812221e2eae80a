# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the bundle whole, and does it hold the wanted version of Kubernetes?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ansible_collections.nilecare.platform.plugins.module_utils.bundle import manifest
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.errors import BundleError
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.files import write_atomically
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import Settings

VERSIONED = ("kubeadm", "kubelet", "kubectl")
"""Items whose version must be kubernetes_version."""

VERIFIED = "bundle-verified"
"""File in the state directory: the stamp of the bundle that was found whole last."""


def check_bundle(
    directory: Path, settings: Settings, state: Path, needed: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """A bundle that is not there, holds another Kubernetes, or has items that are missing or altered.

    ``needed`` are items of optional sets that the inventory asks for, with the set of each.

    Checksums of gigabytes take seconds to minutes, so they are computed once for each state of the
    bundle's files: as long as no name, size, time or inode has changed since, the last good result holds.
    """
    try:
        contents = manifest.read(directory)
    except BundleError as error:
        yield Finding("", "bundle_directory", str(error), "a bundle made by playbooks/bundle.yml")
        return
    path = str(directory / manifest.FILE)
    yield from _versions(contents, settings, path)
    names = {item.name for item in contents.items}
    for name, group in (needed or {}).items():
        if name not in names:
            expected = f"{group} in bundle_sets, and a bundle made with it by playbooks/bundle.yml"
            yield Finding("", "bundle_sets", f"{name} is not in the bundle", expected, path)
    stamp = stamp_of(directory)
    if _read(state / VERIFIED) == stamp:
        return
    problems = manifest.verify(directory, contents.items)
    for problem in problems:
        yield Finding(
            "", f"bundle item {problem.item}", problem.problem, "the item as the manifest lists it", path
        )
    if not problems:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(state / VERIFIED, stamp, 0o600)


def _versions(contents: manifest.Contents, settings: Settings, path: str) -> Iterator[Finding]:
    versions = {item.name: item.version.removeprefix("v") for item in contents.items if item.kind == "binary"}
    for name in VERSIONED:
        found = versions.get(name)
        if found != settings.kubernetes_version:
            message = f"{name} {found} is in the bundle" if found else f"{name} is not in the bundle"
            yield Finding("", "kubernetes_version", message, f"{name} {settings.kubernetes_version}", path)


def stamp_of(directory: Path) -> str:
    """SHA-256 (hex) over path, size, modification time and inode of every file below a directory."""
    digest = hashlib.sha256(str(directory.resolve()).encode())
    for folder, folders, files in os.walk(directory):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            facts = path.lstat()
            digest.update(f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}\0{facts.st_ino}\n".encode())
    return digest.hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
