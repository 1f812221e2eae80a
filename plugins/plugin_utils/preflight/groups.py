# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are the groups there, and is every machine in the groups it must be in?"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    POOL_PREFIX,
    RESERVE,
    Inventory,
    Machine,
    Settings,
)

REQUIRED_GROUPS = ("cluster", "control_plane", "machines", "mirror", "sites", "workers")


def check_groups(inventory: Inventory, settings: Settings) -> Iterator[Finding]:
    """Missing groups, an empty mirror group, machines in too few or too many groups."""
    for group in REQUIRED_GROUPS:
        if group not in inventory.groups:
            yield inventory.finding(group, "the inventory has no such group", f"a group {group}")
    if "mirror" in inventory.groups and not inventory.members("mirror"):
        yield inventory.finding("mirror", "the group is empty", "at least one mirror host")
    if "workers" in inventory.groups and not inventory.members("workers"):
        yield inventory.finding("workers", "the group is empty", "at least one worker")
    for machine in inventory.machines:
        yield from _machine(machine)
    yield from _allowance(inventory, settings)
    nodes = [machine for machine in inventory.machines if machine.groups & {"cluster", RESERVE}]
    if len(nodes) > settings.max_nodes:
        yield inventory.finding(
            "cluster_max_nodes",
            f"{len(nodes)} nodes are listed (reserve included), the maximum is {settings.max_nodes}",
            f"at most {settings.max_nodes} nodes or a greater cluster_max_nodes",
        )


def _machine(machine: Machine) -> Iterator[Finding]:
    roles = machine.groups & {"control_plane", "workers"}
    if "cluster" in machine.groups and not roles:
        yield machine.finding(
            "cluster", "the host is neither control plane nor worker", "group control_plane, workers or both"
        )
    if roles and "cluster" not in machine.groups:
        yield machine.finding(
            "cluster",
            f"the host is in {', '.join(sorted(roles))} but not in cluster",
            "both as children of cluster",
        )
    if machine.groups & {"cluster", "mirror"} and "machines" not in machine.groups:
        yield machine.finding(
            "machines", "the host is not in group machines", "cluster and mirror as children of machines"
        )
    if {"cluster", "mirror"} <= machine.groups:
        yield machine.finding("mirror", "the mirror is a node of the cluster too", "a host of its own")
    if {"cluster", RESERVE} <= machine.groups:
        yield machine.finding(RESERVE, "the host is in the cluster and in reserve", "one of the two groups")
    pools = sorted(group for group in machine.groups if group.startswith(POOL_PREFIX))
    if len(pools) > 1:
        yield machine.finding(
            "pool", f"the host is in {len(pools)} pools ({', '.join(pools)})", "at most one pool"
        )


def _allowance(inventory: Inventory, settings: Settings) -> Iterator[Finding]:
    cluster = {machine.name for machine in inventory.members("cluster")}
    key = "cluster_allow_missing_hosts"
    for name in settings.allow_missing:
        if name not in cluster:
            yield inventory.finding(
                key, f"{name} is no host of group cluster", "names of hosts of group cluster"
            )
    planes = [machine.name for machine in inventory.members("control_plane")]
    allowed = [name for name in planes if name in settings.allow_missing]
    minority = max(len(planes) - 1, 0) // 2
    if len(allowed) > minority:
        yield inventory.finding(
            key,
            f"{len(allowed)} of {len(planes)} control planes may be missing ({', '.join(allowed)})",
            f"at most {minority}, so that etcd keeps its majority",
        )
