# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Volumes of stores: file systems of their own, in a file or on a logical volume, mounted before the kubelet.

A volume's size is its file system's, so that nobody else is hurt when it is full. Volumes grow while they are
used, and nothing here shrinks, formats or removes what is there. XFS, which grows without a right that
machines in containers lack, and never shrinks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import files, units
from .state import Change, Machine, StateError

SPEC = {
    "volumes": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "size": {"type": "int", "required": True},
        },
    },
    "volume_group": {"type": "str", "default": ""},
    "preallocate": {"type": "bool", "default": True},
    "root": {"type": "path", "default": "/var/lib/nilecare/volumes"},
    "files_root": {"type": "path", "default": "/var/lib/nilecare/volume-files"},
    "units_root": {"type": "path", "default": "/etc/systemd/system"},
}
FILE_SPEC: Mapping[str, Any] = files.SPEC
SMALLEST = 300 * 2**20
"""Bytes; mkfs.xfs makes nothing smaller."""
DATA = "data"
"""Directory within each volume that pods get; it is there only while the volume is mounted."""
MAGIC = b"XFSB"
UNIT = """\
# Made by nilecare.platform; a file system of its own for one member of a store.
[Unit]
Description=Volume {name}
Before=kubelet.service

[Mount]
What={what}
Where={where}
Type=xfs
Options={options}

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Place:
    """Where the bytes of one volume are.

    :param size: bytes that are wished.
    :param device: path of the file or of the logical volume.
    """

    name: str
    size: int
    device: Path
    mount: Path
    volume_group: str = ""

    @property
    def unit(self) -> str:
        """Name of its mount unit, escaped as systemd does it."""
        parts = str(self.mount).strip("/").split("/")
        return "-".join(part.replace("-", "\\x2d") for part in parts) + ".mount"


def ensure(
    machine: Machine,
    volumes: Sequence[Mapping[str, Any]],
    *,
    volume_group: str,
    preallocate: bool,
    root: str,
    files_root: str,
    units_root: str,
) -> Change:
    """Make, mount and grow volumes.

    :raises StateError: one would shrink, holds something else, or could not be made. What would shrink or is
        something else is found before anything is changed.
    """
    places = [
        Place(
            str(volume["name"]),
            int(volume["size"]),
            Path("/dev", volume_group, str(volume["name"]))
            if volume_group
            else Path(files_root, f"{volume['name']}.img"),
            Path(root, str(volume["name"])),
            volume_group,
        )
        for volume in volumes
    ]
    sizes = {place.name: _size(place.device) for place in places}
    _refuse(places, sizes)
    change = Change()
    for place in places:
        size = sizes[place.name]
        if size is None:
            change.add(f"make {place.name} of {_text(place.size)}")
            if not machine.check_mode:
                _make(machine, place, preallocate)
        elif place.volume_group and not _formatted(place.device) and not machine.check_mode:
            # A run was killed between the volume and its file system.
            change.add(f"format {place.name}")
            _format(machine, place.device)
    _mount(machine, places, units_root, change)
    for place in places:
        _grow(machine, place, sizes[place.name], preallocate, change)
    return change


def _refuse(places: Sequence[Place], sizes: Mapping[str, int | None]) -> None:
    problems = []
    for place in places:
        size = sizes[place.name]
        if place.size < SMALLEST:
            problems.append(
                f"{place.name}: is to have {_text(place.size)}, expected {_text(SMALLEST)} or more"
            )
        if size is None:
            continue
        if size > place.size:
            problems.append(
                f"{place.name}: has {_text(size)} and is to have {_text(place.size)}: volumes never shrink"
            )
        elif not place.volume_group and not _formatted(place.device):
            problems.append(f"{place.name}: {place.device} holds something else than XFS")
    if problems:
        raise StateError("; ".join(problems) + "; nothing was changed")


def _size(device: Path) -> int | None:
    """Bytes of a file or block device, None where there is none."""
    try:
        with device.open("rb") as stream:
            return stream.seek(0, os.SEEK_END)
    except FileNotFoundError:
        return None


def _formatted(device: Path) -> bool:
    with device.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def _make(machine: Machine, place: Place, preallocate: bool) -> None:
    if place.volume_group:
        # LVM rounds up to whole extents.
        _do(
            machine, "lvcreate", "--yes", "--name", place.name, "--size", f"{place.size}b", place.volume_group
        )
        _format(machine, place.device)
        return
    place.device.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = place.device.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with unfinished.open("wb") as stream:
        os.fchmod(stream.fileno(), 0o600)
        _extend(stream.fileno(), 0, place.size, preallocate)
    _format(machine, unfinished)
    unfinished.rename(place.device)


def _format(machine: Machine, device: Path) -> None:
    # Without -f it refuses what already holds something.
    _do(machine, "mkfs.xfs", "-q", str(device))


def _extend(file: int, start: int, end: int, preallocate: bool) -> None:
    try:
        if preallocate:
            os.posix_fallocate(file, start, end - start)
        else:
            os.truncate(file, end)
    except OSError as error:
        raise StateError(f"no room for {_text(end - start)}: {error.strerror}") from error


def _mount(machine: Machine, places: Sequence[Place], units_root: str, change: Change) -> None:
    wishes = [
        {
            **{name: part.get("default") for name, part in FILE_SPEC.items()},
            "path": f"{units_root}/{place.unit}",
            "content": UNIT.format(
                name=place.name,
                what=place.device,
                where=place.mount,
                options="noatime" if place.volume_group else "noatime,loop",
            ),
            "mode": "0644",
        }
        for place in places
    ]
    written = files.ensure(wishes, machine.check_mode)
    change.lines += written.lines
    change.diffs += written.diffs
    if machine.check_mode and written.lines:
        return
    entries = [
        {"name": place.unit, "enabled": True, "state": "started", "restart": False}
        | {"restart_after": [], "reload_after": []}
        for place in places
    ]
    started = units.ensure(machine, entries)
    change.lines += started.lines
    change.diffs += started.diffs
    if machine.check_mode:
        return
    for place in places:
        if not os.path.ismount(place.mount):
            raise StateError(f"{place.name}: {place.mount} is not mounted although its unit runs")
        (place.mount / DATA).mkdir(mode=0o770, exist_ok=True)


def _grow(machine: Machine, place: Place, size: int | None, preallocate: bool, change: Change) -> None:
    """Give a volume the size that is wished, and its file system what the volume has."""
    if size is not None and size < place.size:
        change.add(f"grow {place.name} from {_text(size)} to {_text(place.size)}")
        if machine.check_mode:
            return
        if place.volume_group:
            _do(machine, "lvextend", "--size", f"{place.size}b", str(place.device))
        else:
            with place.device.open("r+b") as stream:
                _extend(stream.fileno(), size, place.size, preallocate)
    if machine.check_mode or not place.mount.is_mount():
        return
    # Asked of the kernel, not remembered: a run may have been killed after half of it.
    if not place.volume_group:
        _grow_loop(machine, place)
    before = _blocks(place.mount)
    _do(machine, "xfs_growfs", str(place.mount))
    if size is not None and _blocks(place.mount) != before and size == place.size:
        change.add(f"grow the file system of {place.name}")


def _grow_loop(machine: Machine, place: Place) -> None:
    found = machine.run("losetup", "--noheadings", "--output", "NAME", "--associated", str(place.device))
    for device in found.output.split():
        _do(machine, "losetup", "--set-capacity", device)


def _blocks(mount: Path) -> int:
    return os.statvfs(mount).f_blocks


def _do(machine: Machine, *command: str) -> None:
    answer = machine.run(*command)
    if answer.code:
        raise StateError(f"{' '.join(command)}: {answer.error.strip() or answer.output.strip()}")


def _text(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
