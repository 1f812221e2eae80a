"""How members of Valkey stand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.stores import redis
from ansible_collections.nilecare.platform.plugins.module_utils.stores.members import Standing

from .conftest import store

STORE = store(name="redis", engine="redis", declarations=())
PRIMARY = {"role": "master", "min_slaves_good_slaves": "2", "master_repl_offset": "900"}
REPLICA = {"role": "slave", "master_link_status": "up", "slave_repl_offset": "880"}
CALM = "OK 3 usable Sentinels. Quorum and failover authorization can be reached"


class Members:
    """Answer as Valkey and Sentinel do; None does not."""

    def __init__(self, *said: dict[str, str] | None, quorum: str = CALM) -> None:
        self.said = dict(zip(STORE.members, said, strict=True))
        self.quorum = quorum

    def __call__(self, member: str, command: Sequence[str], text: str) -> str:
        said = self.said[member]
        if said is None:
            raise ValueError(f"{command[0]} in {member} ended with 1")
        if "CKQUORUM" in command[2]:
            assert command[-1] == "/etc/store"
            return f"{self.quorum}\n"
        assert text == "INFO replication\n"
        return "# Replication\r\n" + "".join(f"{key}:{value}\r\n" for key, value in said.items())


def test_who_leads_and_who_is_behind() -> None:
    slow = REPLICA | {"slave_repl_offset": "100"}
    found, faults = redis.standings(STORE, {"replica_lag": 500}, "redis-1", Members(REPLICA, PRIMARY, slow))
    assert found == {
        "redis-0": Standing("replica", "20 B"),
        "redis-1": Standing("primary"),
        "redis-2": Standing("replica", "800 B", "is 800 bytes behind"),
    }
    assert faults == []


def test_a_replica_is_never_ahead() -> None:
    ahead = REPLICA | {"slave_repl_offset": "950"}
    found, _faults = redis.standings(STORE, {}, "redis-0", Members(PRIMARY, ahead, REPLICA))
    assert found["redis-1"] == Standing("replica", "0 B")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ([REPLICA, REPLICA, REPLICA], "nobody leads"),
        ([PRIMARY, PRIMARY, REPLICA], "redis-0, redis-1 leads"),
        (
            [PRIMARY | {"min_slaves_good_slaves": "0"}, None, None],
            "redis-0 takes no writes: nobody follows it",
        ),
    ],
)
def test_what_is_wrong_with_all(said: list[dict[str, str] | None], fault: str) -> None:
    found, faults = redis.standings(STORE, {}, "redis-0", Members(*said))
    assert faults == [fault]
    silent = [member for member, answer in zip(STORE.members, said, strict=True) if answer is None]
    assert [found[member].fault for member in silent] == ["does not answer"] * len(silent)


def test_one_that_lost_its_primary_says_so() -> None:
    down = REPLICA | {"master_link_status": "down"}
    found, _faults = redis.standings(STORE, {}, "redis-0", Members(PRIMARY, down, REPLICA))
    assert found["redis-1"] == Standing("replica", "unknown", "follows nobody")


@pytest.mark.parametrize(
    ("quorum", "fault"),
    [
        ("NOQUORUM 1 usable Sentinels. Not enough", "Sentinel: NOQUORUM 1 usable Sentinels. Not enough"),
        ("", "Sentinel: does not answer"),
    ],
)
def test_sentinels_without_a_majority_are_a_fault(quorum: str, fault: str) -> None:
    members = Members(PRIMARY, REPLICA, REPLICA, quorum=quorum)
    assert redis.standings(STORE, {}, "redis-0", members)[1] == [fault]


def test_one_that_does_not_answer_is_not_the_one_to_ask() -> None:
    with pytest.raises(ValueError, match="in redis-0 ended with 1"):
        redis.standings(STORE, {}, "redis-0", Members(None, PRIMARY, REPLICA))
