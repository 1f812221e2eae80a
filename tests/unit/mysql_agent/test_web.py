"""What an agent answers, over TLS as well."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from roles.mysql.files.mysql_agent import peers, wire
from roles.mysql.files.mysql_agent.decide import Seen
from roles.mysql.files.mysql_agent.gtid import GtidSet
from roles.mysql.files.mysql_agent.server import Error, Look, look
from roles.mysql.files.mysql_agent.settings import Settings
from roles.mysql.files.mysql_agent.web import Pulse, Watch, Web, answer, metrics, not_ready
from tests.mysql_group import tls

from .conftest import SETTINGS

GROUP = "aaaaaaaa-0000-0000-0000-000000000001"
SERVER = "5e12e120-0000-0000-0000-000000000001"
ONLINE = Seen("mysql-1", GtidSet.parse(f"{GROUP}:1-9"), state="ONLINE", quorum=True, group=GROUP)
READY = Look(ONLINE, offline=False, online=3)


class FakeServer:
    def __init__(self, known: Look | None) -> None:
        self.known = known
        self.asked = 0

    def look(self) -> Look:
        self.asked += 1
        if self.known is None:
            raise Error("away")
        return self.known


def watch(known: Look | None) -> Watch:
    return Watch(FakeServer(known))  # type: ignore[arg-type]


def test_ready_is_who_serves_and_keeps_up() -> None:
    assert not_ready(READY, 10) == ""
    assert not_ready(replace(READY, queue=11), 10) == "is 11 transactions behind, 10 are allowed"
    assert not_ready(replace(READY, offline=True), 10) == "refuses clients"
    assert (
        not_ready(replace(READY, seen=replace(ONLINE, quorum=False)), 10) == "sees no majority of its group"
    )
    assert not_ready(replace(READY, seen=replace(ONLINE, state="RECOVERING")), 10) == "is RECOVERING"


def test_answers() -> None:
    pulse = Pulse()
    assert answer("/live", False, watch(None), pulse, 10) == (200, "alive\n")
    assert answer("/ready", False, watch(READY), pulse, 10) == (200, "ready\n")
    assert answer("/ready", False, watch(None), pulse, 10) == (503, "the server does not answer\n")
    assert answer("/state", True, watch(None), pulse, 10)[0] == 503
    assert answer("/other", True, watch(READY), pulse, 10)[0] == 404
    assert "nilecare_mysql_ready 1\n" in metrics(READY, 10)
    assert metrics(None, 10) == "# TYPE nilecare_mysql_up gauge\nnilecare_mysql_up 0\n"


def test_probes_share_an_answer_and_members_get_a_new_one() -> None:
    server = FakeServer(READY)
    shared = Watch(server)  # type: ignore[arg-type]
    for _time in range(3):
        answer("/ready", False, shared, Pulse(), 10)
    assert server.asked == 1
    answer("/state", True, shared, Pulse(), 10)
    assert server.asked == 2


def test_a_member_goes_over_the_wire_as_it_is() -> None:
    assert wire.read(wire.write(ONLINE)) == ONLINE
    for text in ("", "[]", '{"name": "x"}', '{"name": "x", "executed": "", "colour": 1}'):
        with pytest.raises(ValueError):
            wire.read(text)


def test_what_a_server_says_of_itself() -> None:
    own = {"executed": f"{GROUP}:1-9", "server": SERVER, "offline": 0, "readonly": 1, "name": GROUP}
    rows = [
        {"id": SERVER, "host": "a", "state": "ONLINE", "role": "SECONDARY"},
        {"id": "b", "host": "b", "state": "UNREACHABLE", "role": "PRIMARY"},
    ]
    answers = {
        "own": [own],
        "members": rows,
        "received": [{"received": f"{GROUP}:8-10"}],
        "queue": [{"queue": 4}],
    }
    found = look("mysql-1", answers)
    assert (found.seen.state, found.seen.quorum, found.seen.primary) == ("ONLINE", False, False)
    assert (found.queue, found.online, found.offline, found.readonly) == (4, 1, False, True)
    assert not found.seen.settled
    assert found.seen.group == GROUP
    # Before the first start, or after the last.
    alone = look("mysql-1", {"own": [own], "members": [], "received": [], "queue": []})
    assert (alone.seen.state, alone.seen.group, alone.seen.settled) == ("OFFLINE", "", True)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Settings, Path]]:
    """An agent that answers on a port of this machine, and the files of a client that is no member."""
    root = tls.Issuer("root")
    below = tls.Issuer("data", root)
    names = ["mysql.data.svc.cluster.local", "*.mysql-members.data.svc.cluster.local"]
    for name, wanted in (("member", names), ("client", ["billing.business.svc.cluster.local"])):
        tls.write(tmp_path / name, wanted, -1, below, root)
    settings = replace(SETTINGS, certificates=str(tmp_path / "member"), agent_port=0)
    web = Web(settings, watch(READY), Pulse())
    threading.Thread(target=web.serve_forever, daemon=True).start()
    monkeypatch.setattr(Settings, "host", lambda _self, member: f"{member}.{SETTINGS.domain}")
    monkeypatch.setattr(
        "socket.getaddrinfo", lambda _host, port, *_rest, **_named: [(2, 1, 6, "", ("127.0.0.1", port))]
    )
    try:
        yield replace(settings, agent_port=web.server_address[1]), tmp_path / "client"
    finally:
        web.shutdown()
        web.server_close()


def test_only_members_are_told_what_a_member_has(served: tuple[Settings, Path]) -> None:
    settings, client = served
    assert peers.ask(settings, "mysql-1") == ONLINE
    assert peers.ask(settings, "mysql-2") is None, "who answers for another is not believed"
    assert peers.ask(replace(settings, certificates=str(client)), "mysql-1") is None
    assert peers.ask(replace(settings, agent_port=1), "mysql-1") is None
    assert peers.ask_all(settings) == {}


def test_probes_need_no_certificate(served: tuple[Settings, Path]) -> None:
    settings, _client = served
    context = ssl._create_unverified_context()
    for path, status in (("/ready", 200), ("/state", 403)):
        connection = http.client.HTTPSConnection("127.0.0.1", settings.agent_port, context=context, timeout=5)
        connection.request("GET", path)
        assert connection.getresponse().status == status
        connection.close()
