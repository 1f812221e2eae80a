# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much a lab needs, and whether this host has it. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True)
class Need:
    """Bytes of memory and disk for a number of machines."""

    memory: int
    disk: int


def need(machines: int, memory_each: float, disk_each: float, disk_base: float) -> Need:
    """Return what so many more machines need; the parameters are in GiB, the result is in bytes.

    `disk_base` is for what machines share (their image, the bundle's copy); it is counted once.
    """
    if not machines:
        return Need(0, 0)
    return Need(int(machines * memory_each * GIB), int((disk_base + machines * disk_each) * GIB))


def shortages(wanted: Need, memory: int, disk: int, machines: int, directory: str) -> list[str]:
    """Return a sentence for memory and for disk, where there is less than is wanted (bytes)."""
    found = []
    if memory < wanted.memory:
        found.append(
            f"memory: {machines} more machines need {_gib(wanted.memory)}, {_gib(memory)} are available"
        )
    if disk < wanted.disk:
        found.append(
            f"disk: {machines} more machines need {_gib(wanted.disk)} in {directory}, {_gib(disk)} are free"
        )
    return found


def overlaps(network: str, routes: Mapping[str, str], own_bridge: str) -> list[str]:
    """Return a sentence for each network of this host that the lab's network would hide.

    :param routes: interface of each network that this host has a route to
    """
    wanted = ipaddress.IPv4Network(network)
    return [
        f"network: {network} overlaps {other} of interface {interface}; choose another (NILECARE_LAB_NETWORK)"
        for other, interface in routes.items()
        if interface != own_bridge and ipaddress.IPv4Network(other, strict=False).overlaps(wanted)
    ]


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
