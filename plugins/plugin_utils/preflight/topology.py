# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Control planes and sites: can the loss of one site be survived?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    RESERVE,
    Inventory,
)


def check_control_planes(inventory: Inventory) -> Iterator[Finding]:
    """An odd number of them, and with three sites or more none that holds half of them."""
    planes = inventory.members("control_plane")
    if not planes:
        yield inventory.finding(
            "control_plane", "there is no control plane", "an odd number of hosts, one a site"
        )
        return
    if len(planes) % 2 == 0:
        names = ", ".join(machine.name for machine in planes)
        yield inventory.finding(
            "control_plane",
            f"{len(planes)} control planes ({names}) is an even number",
            "an odd number of hosts, so that etcd has a majority when one is lost",
        )
    if len(inventory.sites) < 3 or len(planes) == 1:
        return
    most = max(1, (len(planes) - 1) // 2)
    for site, count in sorted(Counter(site for machine in planes for site in machine.sites).items()):
        if count > most:
            names = ", ".join(machine.name for machine in planes if site in machine.sites)
            yield inventory.finding(
                "control_plane",
                f"{count} of {len(planes)} control planes are in {site} ({names})",
                f"at most {most} a site, so that the loss of a site leaves a majority",
            )


def check_sites(inventory: Inventory) -> Iterator[Finding]:
    """Every node, and every node in reserve, is in exactly one site; a mirror in at most one."""
    for machine in inventory.machines:
        if len(machine.sites) > 1:
            yield machine.finding(
                "sites",
                f"the host is in {len(machine.sites)} sites ({', '.join(machine.sites)})",
                "exactly one site",
            )
        elif not machine.sites and machine.groups & {"cluster", RESERVE}:
            yield machine.finding("sites", "the host is in no site", "exactly one group site_<name>")
