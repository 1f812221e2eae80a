"""Which machines a lab has."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.lab.topology import (
    NODES_PER_SITE,
    POOLS,
    SITES,
    Topology,
    TopologyError,
    topology,
)
from hypothesis import given
from hypothesis import strategies as st

NETWORK = "10.77.0.0/16"


def members(lab: Topology, group: str) -> list[str]:
    return [machine.name for machine in lab.machines if group in machine.groups]


def test_six_nodes_are_a_control_plane_and_a_worker_in_each_site() -> None:
    lab = topology("lab", NETWORK, 6)
    assert members(lab, "control_plane") == ["khartoum-1", "omdurman-1", "bahri-1"]
    assert members(lab, "workers") == ["khartoum-2", "omdurman-2", "bahri-2"]
    assert members(lab, "mirror") == ["mirror-1"]
    assert members(lab, "site_bahri") == ["bahri-1", "bahri-2"]


def test_three_nodes_are_control_planes_that_work() -> None:
    lab = topology("lab", NETWORK, 3)
    assert members(lab, "control_plane") == members(lab, "workers") == [f"{site}-1" for site in SITES]


def test_addresses_are_those_of_the_sites() -> None:
    lab = topology("lab", "172.20.0.0/16", 6)
    addresses = {machine.name: machine.address for machine in lab.machines}
    assert addresses["mirror-1"] == "172.20.0.10"
    assert addresses["khartoum-1"] == "172.20.1.11"
    assert addresses["bahri-2"] == "172.20.3.12"
    assert lab.gateway == "172.20.0.1"
    assert lab.site_networks == {
        "khartoum": "172.20.1.0/24",
        "omdurman": "172.20.2.0/24",
        "bahri": "172.20.3.0/24",
    }


@given(
    nodes=st.sampled_from(sorted(NODES_PER_SITE)),
    prefix=st.integers(16, 22),
    block=st.integers(0, 255),
    extra=st.lists(st.tuples(st.sampled_from(SITES), st.integers(1, 8)), max_size=3),
)
def test_every_lab_is_one_that_can_be_built(
    nodes: int, prefix: int, block: int, extra: list[tuple[str, int]]
) -> None:
    network = ipaddress.IPv4Network((int(ipaddress.IPv4Address("10.0.0.0")) + (block << 16), prefix))
    lab = topology("lab", str(network), nodes, [f"{site}:{count}" for site, count in extra])
    machines = lab.machines
    assert len(machines) == 1 + nodes + sum(count for _role, count in extra)
    assert len({machine.name for machine in machines}) == len(machines)
    addresses = [ipaddress.IPv4Address(machine.address) for machine in machines]
    assert len({*addresses, ipaddress.IPv4Address(lab.gateway)}) == len(machines) + 1
    assert all(address in network for address in addresses)
    assert len(members(lab, "control_plane")) == len(SITES)
    for pool in POOLS:
        assert members(lab, pool)
    for machine in machines:
        for site in SITES:
            inside = ipaddress.IPv4Address(machine.address) in ipaddress.IPv4Network(lab.site_networks[site])
            assert inside == (f"site_{site}" in machine.groups)
        assert len([group for group in machine.groups if group in POOLS]) == ("workers" in machine.groups)


def test_growth_changes_no_other_machine() -> None:
    before = topology("lab", NETWORK, 6).machines
    after = topology("lab", NETWORK, 6, ["omdurman:1"]).machines
    assert set(before) < set(after)
    assert [machine.name for machine in set(after) - set(before)] == ["omdurman-3"]


def test_only_keeps_the_named_machines_as_they_are() -> None:
    whole = topology("lab", NETWORK, 3).machines
    part = topology("lab", NETWORK, 3, only=["mirror-1", "bahri-1"]).machines
    assert [machine.name for machine in part] == ["mirror-1", "bahri-1"]
    assert set(part) < set(whole)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(TopologyError) as caught:
        topology("Lab_1", "8.8.0.0/16", 5, ["cairo:1", "bahri:x", "bahri"])
    said = "\n".join(caught.value.problems)
    for wrong in ("'Lab_1'", "'8.8.0.0/16'", "nodes 5", "'cairo:1'", "'bahri:x'", "'bahri'"):
        assert wrong in said
    assert len(caught.value.problems) == 6


@pytest.mark.parametrize("network", ["10.77.0.1/16", "10.77.0.0/24", "fd00::/64", "nonsense", "10.0.0.0/99"])
def test_a_network_that_cannot_carry_a_lab_is_refused(network: str) -> None:
    with pytest.raises(TopologyError, match="network"):
        topology("lab", network, 6)


@pytest.mark.parametrize("name", ["", "a" * 10, "1lab", "my-lab", "lab\n"])
def test_a_name_that_does_not_fit_a_bridge_is_refused(name: str) -> None:
    with pytest.raises(TopologyError, match="name"):
        topology(name, NETWORK, 6)


def test_an_unknown_machine_to_keep_is_refused() -> None:
    with pytest.raises(TopologyError, match="bahri-2"):
        topology("lab", NETWORK, 3, only=["bahri-2"])
