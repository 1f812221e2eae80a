# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes our services and files off a machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

UNIT_DIRECTORY = "etc/systemd/system"
DEAD = ("Z", "X")  # states in /proc/PID/stat of what has ended, see proc(5)


def _systemctl(*arguments: str) -> str:
    try:
        command = ["systemctl", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def stop_units(names: Iterable[str], root: Path, dry_run: bool) -> list[str]:
    """Stops and disables units and removes their files of ours (not those of packages)."""
    found = []
    for name in names:
        file = root / UNIT_DIRECTORY / name
        drop_ins = root / UNIT_DIRECTORY / f"{name}.d"
        ours = [path for path in (file, drop_ins) if path.exists()]
        runs = _systemctl("is-active", name) in ("active", "activating", "reloading")
        starts = _systemctl("is-enabled", name) == "enabled"
        if not (ours or runs or starts):
            continue
        found.append(name)
        if dry_run:
            continue
        _systemctl("disable", "--now", name)
        for path in ours:
            remove(path)
    if found and not dry_run:
        _systemctl("daemon-reload")
        _systemctl("reset-failed")
    return found


def stop_kubelet() -> None:
    """Stops the kubelet, which would start anew whatever ends. It stays enabled; a join starts it again."""
    _systemctl("stop", "kubelet.service")


def is_container(command: str, cgroup: str) -> bool:
    """Whether a process belongs to a pod, or is the shim of one. Pure."""
    return command.startswith("containerd-shim") or "kubepods" in cgroup


def containers_left(processes: Path = Path("/proc")) -> dict[int, str]:
    """The processes of pods and their shims that are not yet dead: number and command."""
    found = {}
    for directory in processes.iterdir():
        if not directory.name.isdigit():
            continue
        try:
            command = (directory / "comm").read_text().strip()
            state = (directory / "stat").read_text().rpartition(")")[2].split()[0]
            cgroup = (directory / "cgroup").read_text()
        except (OSError, IndexError):
            continue
        if state not in DEAD and is_container(command, cgroup):
            found[int(directory.name)] = command
    return found


def end_containers(dry_run: bool, processes: Path = Path("/proc"), patience: float = 30) -> list[str]:
    """Ends what containers are left, and waits for their end, at most ``patience`` seconds."""
    ended = {}
    deadline = time.monotonic() + patience
    while left := containers_left(processes):
        ended.update(left)
        if dry_run or time.monotonic() > deadline:
            break
        for number in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        time.sleep(0.2)
    return [f"process {number} ({command})" for number, command in sorted(ended.items())]


def unmount(prefixes: Sequence[str], dry_run: bool, mounts: Path = Path("/proc/self/mounts")) -> list[str]:
    """Unmounts what is mounted below ``prefixes``, deepest first."""
    found = []
    for line in mounts.read_text().splitlines():
        path = line.split()[1]
        if any(path.startswith(f"{prefix}/") for prefix in prefixes):
            found.append(path)
    for path in sorted(found, reverse=True):
        if not dry_run:
            subprocess.run(["umount", "--lazy", path], capture_output=True, check=False, timeout=60)
    return [f"mount {path}" for path in found]


def remove(path: Path) -> None:
    """Removes a file, link or tree; of a mount point, its content."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_mount():
        for inner in path.iterdir():
            remove(inner)
    elif path.is_dir():
        for inner in path.iterdir():
            remove(inner) if inner.is_mount() else None
        shutil.rmtree(path, ignore_errors=True)


def is_there(path: Path) -> bool:
    """Whether there is something to remove at ``path``: an empty mount point is nothing."""
    if path.is_mount():
        return any(path.iterdir())
    return path.is_symlink() or path.exists()


def remove_paths(paths: Iterable[str], root: Path, dry_run: bool) -> list[str]:
    """Removes the paths (patterns are allowed in the last part) and returns those that were there."""
    found = []
    for name in paths:
        pattern = Path(name.lstrip("/"))
        for path in sorted((root / pattern.parent).glob(pattern.name)):
            if is_there(path):
                found.append(str(path))
                if not dry_run:
                    remove(path)
    return found
