"""What an agent does with what it sees."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from roles.mysql.files.mysql_agent import agent as module
from roles.mysql.files.mysql_agent.agent import Agent, Certificate
from roles.mysql.files.mysql_agent.decide import Seen
from roles.mysql.files.mysql_agent.gtid import GtidSet
from roles.mysql.files.mysql_agent.kubernetes import ApiError, Cluster, ConflictError, read_record
from roles.mysql.files.mysql_agent.room import Room
from roles.mysql.files.mysql_agent.server import Look
from roles.mysql.files.mysql_agent.slow_log import LARGEST, SlowLog, statements
from roles.mysql.files.mysql_agent.web import Pulse

from .conftest import SETTINGS, lease

GROUP = "aaaaaaaa-0000-0000-0000-000000000001"
OTHER = "aaaaaaaa-0000-0000-0000-000000000002"
ME = Seen("mysql-1", GtidSet.parse(f"{GROUP}:1-9"))
ONLINE = replace(ME, state="ONLINE", quorum=True, group=GROUP)
PRIMARY = replace(ONLINE, primary=True)


class FakeServer:
    """Says what it was told to, and keeps what it is asked to do."""

    def __init__(self, *looks: Look) -> None:
        self.looks = list(looks)
        self.done: list[str] = []

    def look(self) -> Look:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def __getattr__(self, name: str) -> Any:
        def do(*values: object, **named: object) -> None:
            self.done.append(" ".join([name, *map(str, values), *(f"{k}={v}" for k, v in named.items())]))

        return do


class FakeApi:
    """Two objects, and what was written to them."""

    def __init__(self, document: dict[str, Any], *, away: bool = False, changed: bool = False) -> None:
        self.lease, self.slice = document, {"metadata": {"name": "mysql-writer"}, "endpoints": None}
        self.away, self.changed = away, changed

    def get(self, path: str) -> dict[str, Any]:
        if self.away:
            raise ApiError("no route")
        return self.lease if "leases" in path else self.slice

    def put(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        if self.changed:
            raise ConflictError("was changed")
        if "leases" in path:
            self.lease = document
        else:
            self.slice = document
        return document


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> dict[str, Seen]:
    """The other members, as they answer."""
    answers = {name: Seen(name) for name in SETTINGS.others}
    monkeypatch.setattr(module.peers, "ask_all", lambda _settings: dict(answers))
    return answers


def step(look: Look, api: FakeApi, *, full: bool = False, times: int = 1) -> list[str]:
    server = FakeServer(look)
    settings = replace(SETTINGS, free_share=1.0) if full else SETTINGS
    agent = Agent(settings, server, Cluster(SETTINGS, api), Pulse())  # type: ignore[arg-type]
    for _time in range(times):
        agent.step()
    return server.done


def groups(api: FakeApi) -> tuple[str, ...]:
    return read_record(api.lease, datetime.datetime.now(datetime.UTC)).groups


def test_a_member_with_all_transactions_founds_after_it_wrote_that_down(others: dict[str, Seen]) -> None:
    api = FakeApi(lease(groups=f"{OTHER},{GROUP}", found_without="", found_by="mysql-0"))
    done = step(Look(ME), api)
    first, *rest = groups(api)
    assert done == [f"found {first}"]
    # A name that no transaction bears is of no interest any more; orders are carried out.
    assert rest == [GROUP]
    assert api.lease["spec"]["holderIdentity"] == "mysql-1"
    assert "nilecare.sd/found-by" not in api.lease["metadata"]["annotations"]
    assert api.lease["metadata"]["labels"] == {"app": "mysql"}


def test_nobody_founds_without_the_lease(others: dict[str, Seen]) -> None:
    with pytest.raises(ApiError, match="no group is founded"):
        step(Look(ME), FakeApi(lease(), away=True))
    assert step(Look(ME), FakeApi(lease(), changed=True)) == []
    claimed = lease()
    claimed["spec"]["renewTime"] = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert step(Look(ME), FakeApi(claimed)) == []


def test_it_looks_again_after_it_has_the_lease(others: dict[str, Seen]) -> None:
    more = replace(ME, executed=GtidSet())
    others["mysql-2"] = Seen("mysql-2", GtidSet.parse(f"{GROUP}:1-9"))
    others["mysql-0"] = Seen("mysql-0", GtidSet.parse(f"{GROUP}:1-9"))
    assert step(Look(more), FakeApi(lease())) == []
    others["mysql-0"] = Seen("mysql-0")
    del others["mysql-2"]
    assert step(Look(ME), FakeApi(lease())) == []


def test_what_others_have_more_of_the_group_is_fetched(others: dict[str, Seen]) -> None:
    others["mysql-0"] = Seen("mysql-0", GtidSet.parse(f"{GROUP}:1-8:10"))
    api = FakeApi(lease(groups=GROUP))
    done = step(Look(replace(ME, executed=GtidSet.parse(f"{GROUP}:1-9:11"))), api)
    assert len(done) == 1 and done[0].startswith("gather {'mysql-0': ") and "(10, 10)" in done[0]


def test_nothing_is_fetched_twice_or_from_one_that_lacks_it() -> None:
    wanted = GtidSet.parse(f"{GROUP}:5-9")
    seen = {
        "mysql-0": Seen("mysql-0", GtidSet.parse(f"{GROUP}:1-6")),
        "mysql-1": ME,
        "mysql-2": Seen("mysql-2", GtidSet.parse(f"{GROUP}:1-4:6-9")),
    }
    parts = {name: str(part) for name, part in module.shares(wanted, seen, "mysql-1").items()}
    assert parts == {"mysql-0": f"{GROUP}:5-6", "mysql-2": f"{GROUP}:7-9"}
    seen["mysql-0"] = Seen("mysql-0")
    assert list(module.shares(wanted, seen, "mysql-1")) == ["mysql-2"]


def test_a_member_joins_also_without_an_api_server(others: dict[str, Seen]) -> None:
    others["mysql-0"] = replace(PRIMARY, name="mysql-0")
    assert step(Look(ME, offline=False), FakeApi(lease(), away=True)) == [
        "refuse_clients",
        f"join {GROUP} empty=False",
    ]
    empty = Look(replace(ME, executed=GtidSet(), state="ERROR"))
    assert step(empty, FakeApi(lease())) == ["leave", f"join {GROUP} empty=True"]


def test_what_was_received_is_executed_when_there_is_no_group(others: dict[str, Seen]) -> None:
    received = GtidSet.parse(f"{GROUP}:10")
    look = Look(replace(ME, settled=False), received=received)
    assert step(look, FakeApi(lease())) == [f"execute_received {received}"]
    others["mysql-0"] = replace(PRIMARY, name="mysql-0")
    assert step(look, FakeApi(lease())) == [f"join {GROUP} empty=False"]


def test_writers_are_led_to_who_writes() -> None:
    api = FakeApi(lease(groups=GROUP))
    assert step(Look(PRIMARY, online=3), api) == ["let_clients_in"]
    endpoint = api.slice["endpoints"][0]  # type: ignore[index]
    assert endpoint["addresses"] == ["10.244.1.7"]
    assert endpoint["targetRef"]["name"] == "mysql-1"
    assert api.lease["spec"]["holderIdentity"] == "mysql-1"
    again = FakeApi(api.lease, changed=True)
    again.slice = api.slice
    assert step(Look(PRIMARY, offline=False, online=3), again) == [], "and nothing is written twice"


def test_readers_get_in_and_lead_nobody() -> None:
    api = FakeApi(lease(groups=GROUP))
    assert step(Look(ONLINE, online=3), api) == ["let_clients_in"]
    assert api.slice["endpoints"] is None
    assert step(Look(replace(PRIMARY, quorum=False), online=1), api) == []
    assert step(Look(replace(ONLINE, state="RECOVERING")), api) == []


def test_a_group_that_is_not_the_last_one_is_left() -> None:
    api = FakeApi(lease(groups=OTHER))
    assert step(Look(PRIMARY, online=1), api) == ["leave"]
    assert api.slice["endpoints"] is None
    assert step(Look(PRIMARY, online=1), FakeApi(lease())) == ["let_clients_in"], "the Lease is new"
    # Two of three are right, whatever the Lease says: it may have come back from a backup.
    assert step(Look(PRIMARY, online=2), api) == ["let_clients_in"]
    assert groups(api) == (GROUP, OTHER)


def test_a_member_whose_volume_fills_leaves_while_others_go_on(others: dict[str, Seen]) -> None:
    api = FakeApi(lease(groups=GROUP))
    assert step(Look(replace(PRIMARY), readonly=False, offline=False, online=3), api, full=True) == ["leave"]
    others["mysql-0"] = replace(PRIMARY, name="mysql-0")
    assert step(Look(ME), api, full=True) == [], "and comes back when there is room"


def test_the_last_two_stop_writing_instead(others: dict[str, Seen]) -> None:
    api = FakeApi(lease(groups=GROUP))
    writing = Look(PRIMARY, readonly=False, offline=False, online=2)
    assert step(writing, api, full=True) == ["refuse_writes"]
    assert step(replace(writing, readonly=True), api, full=True, times=9) == []
    # An election takes a few looks too.
    assert step(replace(writing, readonly=True), api, times=4) == []
    assert step(replace(writing, readonly=True), api, times=5) == ["take_writes"]
    assert step(replace(writing, seen=ONLINE, readonly=True), api, full=True, times=9) == []


def test_a_volume_that_was_short_needs_more_to_be_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [100, 4, 6, 8, 6]
    monkeypatch.setattr("os.statvfs", lambda _path: SimpleNamespace(f_bavail=left.pop(0), f_blocks=100))
    room = Room(str(tmp_path), 0.05)
    assert [room.short() for _time in range(5)] == [False, True, True, False, False]


def test_a_certificate_is_new_until_it_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "tls.crt").write_text("first")
    certificate = Certificate(tmp_path)
    assert not certificate.renewed()
    (tmp_path / "tls.crt").write_text("second")
    assert certificate.renewed() and certificate.renewed()
    certificate.use()
    assert not certificate.renewed()


def test_the_server_finds_every_authority_in_one_file(tmp_path: Path) -> None:
    head, tail = "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"
    (tmp_path / "ca.crt").write_text(f"{head}root\n{tail}")
    for above in ("", f"{head}below\n{tail}"):
        (tmp_path / "tls.crt").write_text(f"{head}own\n{tail}{above}")
        Certificate(tmp_path).write_authorities(tmp_path / "all.crt")
        assert (tmp_path / "all.crt").read_text() == f"{head}root\n{tail}\n{above}"


def test_slow_statements_are_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "slow.log"
    slow = SlowLog(path)
    slow.say()
    path.write_text(
        "/usr/sbin/mysqld, Version: 9.7.4\nTcp port: 3306\n# Time: now\nSET timestamp=1;\nSELECT 1;\n"
    )
    slow.say()
    slow.say()
    assert [record.getMessage() for record in caplog.records] == ["slow: SELECT 1;"]
    path.write_text("x" * LARGEST)
    slow.say()
    assert path.stat().st_size == 0, "and the file does not grow for ever"
    assert statements("") == []
