# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which machines a lab has, where they stand and how they are called. Pure: nothing is looked up."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

SITES = ("khartoum", "omdurman", "bahri")
POOLS = ("pool_compute", "pool_memory", "pool_storage")

# Machines of one site, by the number of nodes of the whole lab.
NODES_PER_SITE = {3: 1, 6: 2, 12: 4}

# A name is part of a bridge's name (15 bytes at most, `nclab-` before it) and of container names.
NAME_PATTERN = re.compile(r"[a-z][a-z0-9]{0,8}")

# Three sites and the mirror need four /24; a machine's number in its site is added to 10.
LONGEST_PREFIX = 22
FIRST_NODE = 10
MOST_IN_A_SITE = 100


class TopologyError(ValueError):
    """The description of a lab is wrong; every mistake is in `problems`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Machine:
    """One machine of a lab: its inventory name, its address and the groups that it is in."""

    name: str
    address: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Topology:
    """A whole lab.

    `network` is what all machines and the host's bridge (`gateway`) share; `site_networks` gives
    each site its /24 of it.
    """

    name: str
    network: str
    gateway: str
    site_networks: dict[str, str]
    machines: tuple[Machine, ...]


def topology(
    name: str, network: str, nodes: int, extra: Sequence[str] = (), only: Sequence[str] = ()
) -> Topology:
    """Lay out a lab.

    :param name: the lab's name, which is its cluster's name too
    :param network: private IPv4 network, /22 or larger, for example ``10.77.0.0/16``
    :param nodes: 3, 6 or 12
    :param extra: more workers, each as ``<site>:<count>``
    :param only: names of the machines to keep, for a lab that tests one thing; none means all
    :raises TopologyError: with every mistake that was found
    """
    problems = []
    if not NAME_PATTERN.fullmatch(name):
        problems.append(f"name {name!r}: expected a small letter and then at most 8 small letters or digits")
    if nodes not in NODES_PER_SITE:
        problems.append(f"nodes {nodes!r}: expected one of {', '.join(map(str, NODES_PER_SITE))}")
    try:
        whole = _network(network)
    except ValueError as error:
        problems.append(f"network {network!r}: {error}")
    counts: dict[str, int] = dict.fromkeys(SITES, 0)
    for item in extra:
        try:
            site, count = _extra(item)
            counts[site] += count
        except ValueError as error:
            problems.append(f"extra {item!r}: {error}")
    if problems:
        raise TopologyError(problems)

    site_networks = _slices(whole)
    machines = [Machine("mirror-1", str(whole.network_address + FIRST_NODE), ("mirror",))]
    for site_index, site in enumerate(SITES):
        start = site_networks[site].network_address + FIRST_NODE
        count = NODES_PER_SITE[nodes] + counts[site]
        for index in range(count):
            groups = _groups(nodes, site_index, index)
            machines.append(Machine(f"{site}-{index + 1}", str(start + index + 1), groups))
    unknown = set(only) - {machine.name for machine in machines}
    if unknown:
        names = ", ".join(machine.name for machine in machines)
        raise TopologyError([f"only {name!r}: expected one of {names}" for name in sorted(unknown)])
    return Topology(
        name=name,
        network=str(whole),
        gateway=str(whole.network_address + 1),
        site_networks={site: str(part) for site, part in site_networks.items()},
        machines=tuple(machine for machine in machines if not only or machine.name in only),
    )


def _network(text: str) -> ipaddress.IPv4Network:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{error}; expected for example 10.77.0.0/16") from None
    if not network.is_private:
        raise ValueError("expected a private network (10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16)")
    if network.prefixlen > LONGEST_PREFIX:
        raise ValueError(f"too small for three sites and a mirror: expected /{LONGEST_PREFIX} or larger")
    return network


def _extra(item: str) -> tuple[str, int]:
    site, separator, count = item.partition(":")
    if site not in SITES or not separator or not count.isdecimal() or not 0 < int(count) <= MOST_IN_A_SITE:
        raise ValueError(f"expected <site>:<number of workers>, the site one of {', '.join(SITES)}")
    return site, int(count)


def _slices(whole: ipaddress.IPv4Network) -> dict[str, ipaddress.IPv4Network]:
    """Give each site a /24, from the second on; the first is the mirror's and the bridge's."""
    first = int(whole.network_address)
    return {
        site: ipaddress.IPv4Network((first + 256 * number, 24)) for number, site in enumerate(SITES, start=1)
    }


def _groups(nodes: int, site_index: int, index: int) -> tuple[str, ...]:
    """Return the groups of machine `index` (from 0) of a site.

    A site's first machine is its control plane. With three nodes it is a worker as well. Workers go
    round the pools, each site starting with another one, so that every pool exists in every lab.
    """
    groups = [f"site_{SITES[site_index]}"]
    control_planes_work = NODES_PER_SITE[nodes] == 1
    if index == 0:
        groups.append("control_plane")
    if index > 0 or control_planes_work:
        worker = index if control_planes_work else index - 1
        groups += ["workers", POOLS[(site_index + worker) % len(POOLS)]]
    return tuple(groups)
