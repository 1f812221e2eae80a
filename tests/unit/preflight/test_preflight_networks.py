# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Arithmetic on networks, held against the addresses themselves."""

from __future__ import annotations

import ipaddress

import netaddr
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.networks import (
    node_blocks,
    overlap,
    parse_address,
    parse_network,
)
from hypothesis import given
from hypothesis import strategies as st


@st.composite
def small_networks(draw: st.DrawFn) -> ipaddress.IPv4Network:
    """Networks of at most 256 addresses in 10.0.0.0/22, so that they often overlap."""
    prefix = draw(st.integers(24, 32))
    offset = draw(st.integers(0, 1023))
    return ipaddress.IPv4Network((int(ipaddress.IPv4Address("10.0.0.0")) + offset, prefix), strict=False)


@given(small_networks(), small_networks())
def test_networks_overlap_exactly_when_they_share_an_address(
    one: ipaddress.IPv4Network, other: ipaddress.IPv4Network
) -> None:
    shared = bool(set(one) & set(other))
    assert overlap(netaddr.IPNetwork(str(one)), netaddr.IPNetwork(str(other))) is shared
    assert overlap(netaddr.IPNetwork(str(other)), netaddr.IPNetwork(str(one))) is shared


@given(st.integers(8, 24), st.integers(8, 28))
def test_a_pod_network_holds_as_many_blocks_as_it_can_be_cut_into(prefix: int, block: int) -> None:
    network = ipaddress.ip_network(f"10.0.0.0/{prefix}")
    expected = 2 ** (block - prefix) if block >= prefix else 0
    if 0 < expected <= 64:
        assert len(list(network.subnets(new_prefix=block))) == expected
    assert node_blocks(netaddr.IPNetwork(str(network)), block) == expected


@given(st.one_of(st.text(max_size=20), st.integers(), st.none(), st.ip_addresses(v=6).map(str)))
def test_what_is_no_network_or_address_is_refused_and_never_an_error(text: object) -> None:
    for parse, reference in ((parse_network, ipaddress.IPv4Network), (parse_address, ipaddress.IPv4Address)):
        parsed = parse(text)
        if parsed is not None:
            assert reference(str(parsed))


@given(small_networks())
def test_a_network_must_be_written_with_its_prefix_and_without_host_bits(
    network: ipaddress.IPv4Network,
) -> None:
    assert str(parse_network(str(network))) == str(network)
    assert parse_network(str(network.network_address)) is None
    if network.prefixlen < 32:
        assert parse_network(f"{network.broadcast_address}/{network.prefixlen}") is None
