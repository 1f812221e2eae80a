# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Networks: valid, apart from each other, large enough, and every address inside the network of its site."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    Inventory,
    Machine,
    Settings,
)

NETADDR_ERROR: ImportError | None = None
try:
    import netaddr
except ImportError as error:
    NETADDR_ERROR = error

Network = Any
"""netaddr.IPNetwork"""


def parse_network(text: object) -> Network | None:
    """An IPv4 network in CIDR notation without host bits, or None when it is none."""
    try:
        network = netaddr.IPNetwork(str(text), version=4)
    except (ValueError, netaddr.AddrFormatError):
        return None
    if "/" not in str(text) or network.ip != network.network:
        return None
    return network


def parse_address(text: object) -> Any | None:
    """An IPv4 address (netaddr.IPAddress), or None when it is none."""
    try:
        return netaddr.IPAddress(str(text), version=4, flags=netaddr.INET_PTON)
    except (ValueError, netaddr.AddrFormatError):
        return None


def overlap(one: Network, other: Network) -> bool:
    """Do two networks share an address?"""
    return bool(one.first <= other.last and other.first <= one.last)


def node_blocks(pod_network: Network, node_prefix: int) -> int:
    """How many nodes' blocks of /node_prefix fit into the pod network."""
    return int(2 ** (node_prefix - pod_network.prefixlen)) if node_prefix >= pod_network.prefixlen else 0


def check_networks(inventory: Inventory, settings: Settings) -> Iterator[Finding]:
    """Pod, service and site networks and every machine's address."""
    named: dict[str, Network] = {}
    for key, value in (
        ("cluster_pod_network", settings.pod_network),
        ("cluster_service_network", settings.service_network),
    ):
        network = parse_network(value)
        if network is None:
            yield inventory.finding(
                key, f"{value!r} is no IPv4 network", "CIDR notation such as 10.244.0.0/16"
            )
        else:
            named[key] = network
    yield from _size(inventory, settings, named)
    sites, findings = _site_networks(inventory)
    yield from findings
    labelled = [(key, key, network) for key, network in named.items()]
    labelled += [("site_network", site, network) for site, network in sites.items()]
    for (_key, name, one), (other_key, other_name, other) in combinations(labelled, 2):
        if overlap(one, other):
            yield inventory.finding(
                other_key, f"{other} ({other_name}) overlaps {one} ({name})", "networks that share no address"
            )
    for machine in inventory.machines:
        yield from _address(machine, named, sites)


def _size(inventory: Inventory, settings: Settings, named: dict[str, Network]) -> Iterator[Finding]:
    pods = named.get("cluster_pod_network")
    if pods is not None:
        blocks = node_blocks(pods, settings.node_prefix)
        if blocks < settings.max_nodes:
            need = settings.node_prefix - max(settings.max_nodes - 1, 0).bit_length()
            yield inventory.finding(
                "cluster_pod_network",
                f"{pods} holds {blocks} blocks of /{settings.node_prefix} for {settings.max_nodes} nodes",
                f"a network of /{need} or larger, or a smaller cluster_max_nodes",
            )
    services = named.get("cluster_service_network")
    if services is not None and not 12 <= services.prefixlen <= 24:
        yield inventory.finding(
            "cluster_service_network", f"{services} is not usable", "a prefix of 12 to 24 bits"
        )


def _site_networks(inventory: Inventory) -> tuple[dict[str, Network], list[Finding]]:
    networks: dict[str, Network] = {}
    findings: list[Finding] = []
    for site in inventory.sites:
        values: dict[str, Machine] = {}
        for machine in inventory.members(site):
            if machine.sites == [site]:
                values.setdefault(str(machine.variables.get("site_network") or ""), machine)
        if len(values) > 1:
            listed = ", ".join(f"{value or 'none'} ({machine.name})" for value, machine in values.items())
            findings.append(
                Finding("", "site_network", f"{site} has several: {listed}", "one network a site")
            )
        for value, machine in values.items():
            network = parse_network(value)
            if network is not None:
                networks.setdefault(site, network)
                continue
            message = f"{value!r} is no IPv4 network" if value else f"is not set for {site}"
            place = machine.origins.get("site_network", "")
            findings.append(
                Finding("", "site_network", message, f"a group variable of {site} in CIDR notation", place)
            )
    return networks, findings


def _address(machine: Machine, named: dict[str, Network], sites: dict[str, Network]) -> Iterator[Finding]:
    address = parse_address(machine.address)
    if address is None:
        yield machine.finding(
            "ansible_host", f"{machine.address!r} is no IPv4 address", "the address of the machine"
        )
        return
    bmc = machine.variables.get("bmc_address")
    if bmc and parse_address(bmc) is None:
        yield machine.finding(
            "bmc_address", f"{bmc!r} is no IPv4 address", "the address of the management controller"
        )
    for key, network in named.items():
        if address in network:
            yield machine.finding(
                "ansible_host", f"{address} lies inside {network} ({key})", "an address outside"
            )
    for site in machine.sites:
        network = sites.get(site)
        if network is None:
            continue
        if address not in network:
            yield machine.finding(
                "ansible_host",
                f"{address} lies outside the network of its site",
                f"an address in {network} ({site})",
            )
        elif address in (network.network, network.broadcast):
            yield machine.finding(
                "ansible_host", f"{address} is the first or last address of {network}", "an address of a host"
            )
