# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files from the mirror, each known by its SHA-256.

Downloads are made side by side, resumed where a connection broke, verified, then renamed into
place: a file at its destination is always whole. Only the standard library is used.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import ssl
import stat
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import parse_mode
from .state import Change, StateError

SPEC = {
    "url": {"type": "str", "required": True},
    "ca_path": {"type": "path"},
    "items": {"type": "list", "elements": "dict", "required": True},
    "directories": {"type": "dict", "required": True},
    "mode": {"type": "str", "default": "0755"},
    "parallel": {"type": "int", "default": 4},
    "timeout": {"type": "int", "default": 60},
}
CHUNK = 1 << 20


@dataclass(frozen=True)
class Item:
    """A file of the bundle: its path there, its SHA-256 in hex and its place on the machine."""

    path: str
    sha256: str
    destination: Path
    mode: int = 0o755


def place(items: Sequence[Mapping[str, object]], directories: Mapping[str, str], mode: int) -> list[Item]:
    """Return the items with their destinations.

    items: entries of the bundle's manifest (path, sha256, …). directories: folder in the bundle →
    folder on the machine. Raises ValueError that names every item without a folder, path or hash.
    """
    placed = []
    problems = []
    for item in items:
        path, sha256 = str(item.get("path", "")), str(item.get("sha256", ""))
        folder, _slash, name = path.rpartition("/")
        if not name or len(sha256) != 64:
            problems.append(f"{item.get('name', item)}: path and sha256 of a bundle item were expected")
        elif folder not in directories:
            known = ", ".join(sorted(directories)) or "none"
            problems.append(f"{path}: no directory is given for {folder!r} (given: {known})")
        else:
            placed.append(Item(path, sha256, Path(directories[folder]) / name, mode))
    if problems:
        raise ValueError("; ".join(problems))
    return placed


def hash_of(path: Path) -> str | None:
    """Return the SHA-256 of a file in hex, None when there is no such file."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


def outdated(items: Sequence[Item]) -> list[Item]:
    """Return the items whose destination is missing or has other content."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        hashes = list(pool.map(lambda item: hash_of(item.destination), items))
    return [item for item, found in zip(items, hashes) if found != item.sha256]  # noqa: B905


def wrong_mode(items: Sequence[Item]) -> list[Item]:
    """Return the existing items whose mode is not the wished one."""
    return [
        item
        for item in items
        if item.destination.exists() and stat.S_IMODE(item.destination.stat().st_mode) != item.mode
    ]


@dataclass(frozen=True)
class Mirror:
    """The file server: base URL without a slash at its end, CA file, patience in seconds."""

    url: str
    ca_path: str | None = None
    timeout: float = 60.0
    attempts: int = 5
    parallel: int = 4

    def fetch_all(self, items: Sequence[Item]) -> None:
        """Fetch items side by side; raises StateError that lists every failed one."""
        context = None
        if self.url.startswith("https:"):
            context = ssl.create_default_context(cafile=self.ca_path)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
        with ThreadPoolExecutor(max_workers=self.parallel) as pool:
            problems = [text for text in pool.map(lambda item: self._fetch(item, context), items) if text]
        if problems:
            raise StateError("; ".join(problems))

    def _fetch(self, item: Item, context: ssl.SSLContext | None) -> str | None:
        """Fetch one item; return None, or why it failed."""
        url = f"{self.url}/{item.path}"
        item.destination.parent.mkdir(parents=True, exist_ok=True)
        temporary = item.destination.with_name(f".{item.destination.name}.nilecare-new")
        reason = ""
        for _attempt in range(self.attempts):
            try:
                self._append(url, temporary, context)
            except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
                reason = str(error)
                if isinstance(error, urllib.error.HTTPError) and error.code == 416:
                    # The rest asked for does not exist: what is here is whole, or not ours.
                    if hash_of(temporary) != item.sha256:
                        temporary.unlink(missing_ok=True)
                        continue
                elif isinstance(error, urllib.error.HTTPError) and error.code < 500:
                    break
                else:
                    continue
            found = hash_of(temporary)
            if found == item.sha256:
                temporary.chmod(item.mode)
                temporary.rename(item.destination)
                return None
            reason = f"SHA-256 {item.sha256} was expected, {found} was received"
            temporary.unlink(missing_ok=True)
        return f"{url}: {reason}; {item.destination} was not changed"

    def _append(self, url: str, temporary: Path, context: ssl.SSLContext | None) -> None:
        """Fetch what the temporary file still lacks."""
        have = temporary.stat().st_size if temporary.exists() else 0
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        with urllib.request.urlopen(request, timeout=self.timeout, context=context) as answer:
            resumed = answer.status == 206
            expected = answer.headers.get("Content-Length")
            with temporary.open("ab" if resumed else "wb") as stream:
                received = 0
                while chunk := answer.read(CHUNK):
                    received += len(chunk)
                    stream.write(chunk)
                stream.flush()
                with contextlib.suppress(OSError):
                    os.fsync(stream.fileno())
            if expected is not None and received < int(expected):
                raise ConnectionError(f"the connection ended after {received} of {expected} bytes")


def ensure(options: Mapping[str, Any], check_mode: bool) -> Change:
    """Fetch what is missing or has another hash. options: see SPEC."""
    try:
        mode = parse_mode(options["mode"], "mode")
        items = place(options["items"], options["directories"], 0o755 if mode is None else mode)
    except ValueError as error:
        raise StateError(f"{error}; nothing was changed") from error
    missing = outdated(items)
    modes = wrong_mode([item for item in items if item not in missing])
    if not check_mode:
        mirror = Mirror(
            options["url"].rstrip("/"),
            options["ca_path"],
            options["timeout"],
            parallel=options["parallel"],
        )
        mirror.fetch_all(missing)
        for item in modes:
            item.destination.chmod(item.mode)
    change = Change()
    change.add(*sorted(str(item.destination) for item in [*missing, *modes]))
    return change
