# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Static pods of a control plane, held back and let go by moving their manifests.

A manifest that is held lies in a folder of ours, so a run that was killed goes on from there.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import BackupError

MANIFESTS = Path("/etc/kubernetes/manifests")
HELD = Path("/etc/kubernetes/nilecare/held")
NAME = 15
"""Characters of a process's name that the kernel keeps."""


@dataclass(frozen=True)
class Places:
    """Where manifests are, and processes."""

    manifests: Path = MANIFESTS
    held: Path = HELD
    proc: Path = Path("/proc")


def move(names: Iterable[str], origin: Path, target: Path, check_mode: bool) -> list[str]:
    """Move manifests; returns the names of those that were not there yet."""
    moved = []
    for name in names:
        here, there = origin / f"{name}.yaml", target / f"{name}.yaml"
        if here.exists():
            moved.append(name)
            if not check_mode:
                target.mkdir(mode=0o700, parents=True, exist_ok=True)
                # The two folders are on one file system, so the manifest is in one of them at any time.
                here.rename(there)
        elif not there.exists() and not check_mode:
            raise BackupError(f"{name}.yaml is neither in {origin} nor in {target}: is this a control plane?")
    return moved


def hold(names: Sequence[str], places: Places, seconds: float, check_mode: bool = False) -> list[str]:
    """Take the manifests away and wait until their processes have ended."""
    moved = move(names, places.manifests, places.held, check_mode)
    if not check_mode:
        wait_for(lambda: running(names, places.proc), seconds, "still run: is the kubelet running?")
    return moved


def release(
    names: Sequence[str], places: Places, ports: Sequence[int], seconds: float, check_mode: bool = False
) -> list[str]:
    """Put the manifests back and wait until something answers at the ports."""
    moved = move(names, places.held, places.manifests, check_mode)
    if not check_mode:
        wait_for(lambda: silent(ports), seconds, "do not answer: see `crictl ps -a` and the pods' logs")
    return moved


def running(names: Iterable[str], proc: Path) -> list[str]:
    """Those of the names that a process has."""
    found = set()
    for file in proc.glob("[0-9]*/comm"):
        try:
            found.add(file.read_text().strip())
        except OSError:  # it has just ended
            continue
    return [name for name in names if name[:NAME] in found]


def silent(ports: Iterable[int]) -> list[str]:
    """Ports of this machine that nobody listens at."""
    found = []
    for port in ports:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
        except OSError:
            found.append(f"port {port}")
    return found


def wait_for(left: Callable[[], list[str]], seconds: float, why: str) -> None:
    """Wait until nothing is left."""
    deadline = time.monotonic() + seconds
    while waiting := left():
        if time.monotonic() > deadline:
            raise BackupError(f"after {seconds:.0f} s {', '.join(waiting)} {why}")
        time.sleep(0.2)
