# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members, and the quorum that a removal must leave."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import etcd
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm.api import UnreachableError
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm.etcd import Member
from hypothesis import given
from hypothesis import strategies as st


def member(number: int, name: str | None = None, learner: bool = False) -> Member:
    return Member(
        str(number), f"n{number}" if name is None else name, frozenset({f"10.0.0.{number}"}), learner
    )


def test_members_of_the_gateways_answer() -> None:
    answer = {
        "members": [
            {"ID": "17", "name": "k1", "peerURLs": ["https://10.0.0.1:2380"]},
            {"ID": "18", "peerURLs": ["https://10.0.0.2:2380"], "isLearner": True},
        ]
    }
    first, second = etcd.parse_members(answer)
    assert first.started and first.belongs_to("k1", "x") and not first.learner
    assert not second.started and second.learner
    assert second.belongs_to("k2", "10.0.0.2")
    assert not second.belongs_to("k2", "10.0.0.3")


def test_a_dead_member_of_three_may_go() -> None:
    members = [member(1), member(2), member(3)]
    etcd.check_removal(members[2], members, {"1", "2"})


def test_a_living_member_may_not_go_when_another_is_dead() -> None:
    members = [member(1), member(2), member(3)]
    with pytest.raises(etcd.QuorumAtRiskError, match="1 of the 2 voting members left are healthy and 2"):
        etcd.check_removal(members[2], members, {"1", "3"})


@given(st.integers(1, 7), st.sets(st.integers(1, 7)), st.integers(1, 7), st.booleans())
def test_a_removal_that_is_allowed_leaves_a_quorum(
    count: int, alive: set[int], gone: int, learner: bool
) -> None:
    members = [member(n) for n in range(1, count + 1)]
    if learner:
        members.append(member(gone + 100, learner=True))
    leaving = members[-1] if learner else members[(gone - 1) % count]
    healthy = {str(n) for n in alive if n <= count}
    try:
        etcd.check_removal(leaving, members, healthy)
    except etcd.QuorumAtRiskError:
        return
    left = [m for m in members if m is not leaving and not m.learner]
    assert sum(m.identity in healthy for m in left) > len(left) / 2


class FakeEtcd(etcd.Etcd):
    """An etcd of three whose third member never started."""

    def __init__(self, dead: set[str]) -> None:
        self._addresses = ["10.0.0.1", "10.0.0.2"]
        self.there = {n: member(n, "" if n == 3 else None) for n in (1, 2, 3)}
        self.dead = dead

    def _ask(self, address: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if address in self.dead:
            raise UnreachableError(address)
        if path.endswith("/list"):
            rows = [
                {"ID": m.identity, "name": m.name, "peerURLs": [f"https://{a}:2380" for a in m.addresses]}
                for m in self.there.values()
            ]
            return {"members": rows}
        if path.endswith("/remove"):
            del self.there[int(body["ID"])]
        return {}


def test_an_unstarted_member_is_found_by_its_address_and_removed() -> None:
    fake = FakeEtcd({"10.0.0.3"})
    assert fake.remove({"n3": "10.0.0.3"}, seconds=0) == ["n3"]
    assert set(fake.there) == {1, 2}


def test_who_is_no_member_costs_nothing() -> None:
    fake = FakeEtcd({"10.0.0.3"})
    assert fake.remove({"worker": "10.0.0.9"}, seconds=0) == []
    assert len(fake.there) == 3


def test_a_dry_run_removes_nobody() -> None:
    fake = FakeEtcd({"10.0.0.3"})
    assert fake.remove({"n3": "10.0.0.3"}, seconds=0, dry_run=True) == ["n3"]
    assert len(fake.there) == 3


def test_the_quorum_is_kept_rather_than_the_wish() -> None:
    fake = FakeEtcd({"10.0.0.3"})
    with pytest.raises(etcd.QuorumAtRiskError):
        fake.remove({"n2": "10.0.0.2"}, seconds=0)
    assert len(fake.there) == 3
