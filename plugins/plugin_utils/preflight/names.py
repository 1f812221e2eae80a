# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names and addresses: valid, and no two machines with the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    RESERVE,
    Inventory,
)

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A DNS label (RFC 1123): what a host name and the name of a Kubernetes node have in common."""


def check_names(inventory: Inventory) -> Iterator[Finding]:
    """Every host name is a DNS label, in lower case, and no two differ in case only."""
    same: dict[str, list[str]] = defaultdict(list)
    for machine in inventory.machines:
        same[machine.name.lower()].append(machine.name)
        if not LABEL.fullmatch(machine.name):
            yield machine.finding(
                "inventory_hostname",
                f"{machine.name!r} cannot be the name of a node",
                "lower-case letters, digits and hyphens, at most 63 (RFC 1123)",
            )
    for names in same.values():
        for name in names[1:]:
            yield Finding(
                name, "inventory_hostname", f"differs from {names[0]} in case only", "a name of its own"
            )


def check_same_address(inventory: Inventory) -> Iterator[Finding]:
    """No address, of a host or of its management controller, is used twice."""
    used: dict[str, str] = {}
    for machine in inventory.machines:
        for key in ("ansible_host", "bmc_address"):
            value = str(machine.variables.get(key) or "").strip().lower()
            if not value:
                continue
            if value in used:
                yield machine.finding(key, f"{value} is {used[value]} too", "an address of its own")
            else:
                used[value] = f"{key} of {machine.name}"


def check_reserve(inventory: Inventory) -> Iterator[Finding]:
    """A machine in reserve is powered on through its management controller: its address must be known."""
    for machine in inventory.members(RESERVE):
        if not machine.variables.get("bmc_address"):
            yield machine.finding(
                "bmc_address", "is not set", "the address of the machine's management controller"
            )
