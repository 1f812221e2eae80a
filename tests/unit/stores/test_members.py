"""How members stand, from what engines answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.report import sections
from ansible_collections.nilecare.platform.plugins.module_utils.stores import (
    kafka_tools,
    postgresql,
    rabbitmq_members,
)
from ansible_collections.nilecare.platform.plugins.module_utils.stores.members import (
    Members,
    Standing,
    look,
    section,
)

from .conftest import STORE

MEMBERS = ("postgresql-0", "postgresql-1", "postgresql-2")


def patroni(*members: dict[str, Any]) -> Any:
    def execute(member: str, command: Sequence[str], text: str) -> str:
        assert command[-1].startswith(f"https://{member}.")
        assert text == ""
        return json.dumps({"members": list(members)})

    return execute


LEADER = {"name": "postgresql-0", "role": "leader", "state": "running"}
SYNC = {"name": "postgresql-1", "role": "quorum_standby", "state": "streaming", "lag": 0}
SLOW = {"name": "postgresql-2", "role": "replica", "state": "streaming", "lag": 2000}


def test_postgresql_says_who_leads_and_who_is_behind() -> None:
    answers = patroni(LEADER, SYNC, SLOW)
    found, faults = postgresql.standings(STORE, {"replica_lag": 1000}, "postgresql-1", answers)
    assert found == {
        "postgresql-0": Standing("leader"),
        "postgresql-1": Standing("quorum standby", "0 B"),
        "postgresql-2": Standing("replica", "2000 B", "is 2000 bytes behind"),
    }
    assert faults == []


@pytest.mark.parametrize("state", ["starting", "crashed", "stopped"])
def test_postgresql_without_a_leader_that_runs(state: str) -> None:
    leader = LEADER | {"state": state}
    lost = {"name": "postgresql-2", "role": "replica", "state": "running", "lag": "unknown"}
    found, faults = postgresql.standings(STORE, {}, "postgresql-1", patroni(leader, lost))
    assert found["postgresql-0"].fault == f"is {state}"
    assert found["postgresql-2"] == Standing("replica", "unknown", "follows nobody")
    assert faults == ["nobody writes"]


def test_rabbitmq_says_who_leads_queues_and_what_is_wrong() -> None:
    names = {"rabbitmq-0": "rabbit@a", "rabbitmq-1": "rabbit@b", "rabbitmq-2": "rabbit@c"}
    status = {"running_nodes": ["rabbit@a", "rabbit@b"], "alarms": [{"node": "rabbit@a"}], "partitions": {}}
    queues = [{"name": "one", "leader": "rabbit@b"}, {"name": "two", "leader": "rabbit@c"}]
    found, faults = rabbitmq_members.judged(names, status, queues)
    assert [one.role for one in found.values()] == ["leads 0 of 2 queues", "leads 1 of 2 queues", ""]
    assert found["rabbitmq-2"].fault == "does not run among the others"
    assert faults == ['alarm: {"node": "rabbit@a"}', "queue two has no leader"]


QUORUM = """\
NodeId\tDirectoryId           \tLogEndOffset\tLag\tLastFetchTimestamp\tLastCaughtUpTimestamp\tStatus  \t
1     \tAf-Yk3_w5TjWvXb1n0aaaa\t1500        \t0  \t1795000000000     \t1795000000000        \tLeader  \t
0     \tAz-Yk3_w5TjWvXb1n0aaaa\t1500        \t0  \t1795000000000     \t1795000000000        \tFollower\t
2     \tAb-Yk3_w5TjWvXb1n0aaaa\t1490        \t10 \t1795000000000     \t1795000000000        \tFollower\t
-----
"""


def test_kafka_says_who_leads_and_which_partitions_take_no_writes() -> None:
    members = ["kafka-0", "kafka-1", "kafka-2"]
    stopped = "\tTopic: records\tPartition: 2\tLeader: none\tReplicas: 0,1,2\tIsr: 2\n"
    found, faults = kafka_tools.read_standings(QUORUM + stopped, members)
    assert found == {
        "kafka-0": Standing("controller, follower", "0 records"),
        "kafka-1": Standing("controller, leader"),
        "kafka-2": Standing("controller, follower", "10 records"),
    }
    assert faults == ["partition 2 of records takes no writes"]
    assert kafka_tools.read_standings("-----\n", members) == ({}, ["no controller leads"])


class Cluster:
    """Pods and nodes as a client lists them."""

    def __init__(self, *ready: bool) -> None:
        self.pods = [
            {
                "metadata": {"name": MEMBERS[number], "namespace": "data"},
                "spec": {"nodeName": f"machine-{number}"},
                "status": {
                    "conditions": [{"type": "Ready", "status": str(state)}],
                    "containerStatuses": [{"restartCount": number}],
                },
            }
            for number, state in enumerate(ready)
        ]

    def list(self, _version: str, kind: str, namespace: str = "", **_more: str) -> Any:
        labels = {"topology.kubernetes.io/zone": "bahri"}
        nodes = [{"metadata": {"name": f"machine-{number}", "labels": labels}} for number in range(3)]
        return type("Listed", (), {"items": self.pods if kind == "Pod" else nodes})


def seen(*ready: bool, execute: Any = None) -> Members:
    answers = patroni(LEADER, SYNC, SLOW)
    return look(Cluster(*ready), STORE, {"replica_lag": 4000}, execute or answers)  # type: ignore[arg-type]


def test_all_members_well_make_a_good_section() -> None:
    found = seen(True, True, True)
    assert found.wrong == []
    parsed = sections.parse(section(found))
    assert (parsed.state, parsed.summary) == ("ok", ["postgresql: 3 of 3 members are well."])
    row = [cell.text for cell in parsed.tables[0].rows[2]]
    assert row[2:] == ["postgresql-2", "machine-2", "bahri", "replica", "2000 B", "2", "ready"]


def test_what_is_wrong_with_members_is_said_all_at_once() -> None:
    found = seen(True, False)
    assert found.wrong == ["postgresql-1 is not ready", "postgresql-2 does not run"]
    assert sections.parse(section(found)).state == "failed"


def test_an_engine_that_does_not_answer_is_a_fault() -> None:
    def silent(member: str, _command: Sequence[str], _text: str) -> str:
        raise ValueError(f"python3 in {member} ended with 1")

    assert seen(True, True, True, execute=silent).wrong == [
        "does not say how it stands: python3 in postgresql-0 ended with 1"
    ]
    assert seen(False, False, False).faults == ["no member can be asked"]
