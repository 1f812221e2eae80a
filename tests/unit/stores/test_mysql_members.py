"""How members of MySQL stand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.stores import mysql
from ansible_collections.nilecare.platform.plugins.module_utils.stores.members import Standing

from .conftest import store

STORE = store(name="mysql", engine="mysql", declarations=())


def row(member: str, role: str = "SECONDARY", state: str = "ONLINE", queue: int | None = 0) -> dict[str, Any]:
    return {"host": STORE.member_address(member), "state": state, "role": role, "queue": queue}


def standings(*rows: dict[str, Any], behind: int = 1000) -> tuple[dict[str, Standing], list[str]]:
    def execute(member: str, command: Sequence[str], text: str) -> str:
        assert member == "mysql-1" and command[0] == "/usr/bin/mysql" and "replication_group_members" in text
        return json.dumps(rows)

    return mysql.standings(STORE, {"behind": behind}, "mysql-1", execute)


def test_who_writes_and_who_is_behind() -> None:
    rows = row("mysql-0", "PRIMARY"), row("mysql-1", queue=3), row("mysql-2", queue=12)
    assert standings(*rows, behind=10) == (
        {
            "mysql-0": Standing("primary"),
            "mysql-1": Standing("secondary", "3 transactions"),
            "mysql-2": Standing("secondary", "12 transactions", "is 12 transactions behind"),
        },
        [],
    )


def test_who_is_not_in_the_group() -> None:
    found, faults = standings(
        row("mysql-1", state="RECOVERING", queue=None), row("mysql-2", "PRIMARY", "UNREACHABLE")
    )
    assert found == {
        "mysql-0": Standing(fault="is not in the group"),
        "mysql-1": Standing("secondary", "", "is RECOVERING"),
        "mysql-2": Standing("primary", "", "is UNREACHABLE"),
    }
    assert faults == ["nobody writes"]


def test_a_server_that_is_in_no_group_knows_nobody() -> None:
    found, faults = standings({"host": "", "state": "OFFLINE", "role": "", "queue": None})
    assert {one.fault for one in found.values()} == {"is not in the group"}
    assert faults == ["nobody writes"]
