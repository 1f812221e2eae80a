"""RabbitMQ's own: queues on three members, TLS on all sides, and exactly what services declared."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.stores import rabbitmq
from ansible_collections.nilecare.platform.plugins.module_utils.stores.model import Declaration
from hypothesis import given
from hypothesis import strategies as st

from .conftest import one, store

STORE = store(
    name="rabbitmq",
    engine="rabbitmq",
    namespace="messaging",
    image="docker.io/library/rabbitmq",
    version="4.3.6",
    declarations=(
        Declaration("billing", "business", queues=("bills", "visits.closed")),
        Declaration("ehr", "clinical", queues=("visits.closed",)),
    ),
)
OBJECTS = rabbitmq.render(STORE, {})
FILES = one(OBJECTS, "ConfigMap", "rabbitmq-configuration")["data"]
CONF = dict(line.split(" = ", 1) for line in FILES["rabbitmq.conf"].splitlines())
CONTAINER = one(OBJECTS, "StatefulSet", "rabbitmq")["spec"]["template"]["spec"]["containers"][0]


class Broker:
    """Keeps definitions as RabbitMQ does, with what it adds to them by itself."""

    def __init__(self, slow: int = 0) -> None:
        self.kept: dict[str, list[dict[str, Any]]] = {"users": [{"name": "admin", "tags": ["administrator"]}]}
        self.coming: dict[str, list[dict[str, Any]]] = {}
        self.slow = slow
        self.commands: list[str] = []

    def __call__(self, member: str, command: Sequence[str], text: str) -> str:
        assert member == "rabbitmq-0"
        self.commands.append(" ".join(command))
        if "export_definitions" in command:
            if self.coming and self.slow == 0:
                self._take()
            self.slow -= bool(self.coming)
            return json.dumps(self.kept)
        if "delete_user" in command:
            self.kept["users"] = [user for user in self.kept["users"] if user["name"] != command[-1]]
            return ""
        self.coming = json.loads(text)
        return ""

    def _take(self) -> None:
        for kind, things in self.coming.items():
            for thing in things:
                named = [have for have in self.kept.get(kind, []) if self._key(have) == self._key(thing)]
                self.kept.setdefault(kind, []).append({"limits": {}, **thing})
                for have in named:
                    self.kept[kind].remove(have)
        self.coming = {}

    @staticmethod
    def _key(thing: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(thing.get(name) for name in ("name", "vhost", "user", "source"))


PASSWORDS = {"billing": "one", "ehr": "two"}


def test_nobody_is_heard_without_tls() -> None:
    assert CONF["listeners.tcp"] == "none"
    assert [key for key in CONF if key.startswith("listeners.ssl")] == ["listeners.ssl.default"]
    environment = {entry["name"]: entry.get("value", "") for entry in CONTAINER["env"]}
    for name in ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "RABBITMQ_CTL_ERL_ARGS"):
        assert "-proto_dist inet_tls" in environment[name]
    assert FILES["inter_node.config"].count("verify_peer") == 2
    assert "{fail_if_no_peer_cert, true}" in FILES["inter_node.config"]


def test_members_are_named_in_the_certificate_one_by_one() -> None:
    names = one(OBJECTS, "Certificate", "rabbitmq-tls")["spec"]["dnsNames"]
    for member in STORE.members:
        assert rabbitmq.node(STORE, member) == f"rabbit@{STORE.member_address(member)}"
        assert STORE.member_address(member) in names


def test_passwords_are_in_no_object() -> None:
    secret = {entry["name"]: entry["valueFrom"] for entry in CONTAINER["env"] if "valueFrom" in entry}
    assert secret["COOKIE"] == {"secretKeyRef": {"name": "rabbitmq-credentials", "key": "cookie"}}
    assert set(rabbitmq.CREDENTIALS) == {
        value["secretKeyRef"]["key"] for value in secret.values() if "secretKeyRef" in value
    }


def test_only_members_and_monitoring_come_past_the_clients_port() -> None:
    rules = one(OBJECTS, "NetworkPolicy", "rabbitmq")["spec"]["ingress"]
    ports = [sorted(port["port"] for port in rule["ports"]) for rule in rules]
    tools = [35672, 35673, 35674, 35675]
    assert ports == [[5671], [4369, 5671, 25672, *tools], [15692]]


def test_tools_listen_where_members_may_answer_them() -> None:
    environment = {entry["name"]: entry.get("value", "") for entry in CONTAINER["env"]}
    least, most = (int(environment[f"RABBITMQ_CTL_DIST_PORT_{end}"]) for end in ("MIN", "MAX"))
    assert list(range(least, most + 1)) == list(rabbitmq.TOOL_PORTS.values())


def test_limits_follow_tier_and_volume() -> None:
    assert int(CONF["vm_memory_high_watermark.absolute"]) == STORE.tier.memory_limit // 2
    assert int(CONF["disk_free_limit.absolute"]) == int(STORE.size * 0.2)
    small = rabbitmq.rabbitmq_conf(store(size=2**30), rabbitmq.Settings())
    assert f"raft.wal_max_size_bytes = {2**25}\n" in small
    own = rabbitmq.rabbitmq_conf(STORE, rabbitmq.Settings.read({"parameters": {"heartbeat": 7}}))
    assert "heartbeat = 7\n" in own
    with pytest.raises(ValueError, match="no setting colour"):
        rabbitmq.Settings.read({"colour": "blue"})
    with pytest.raises(ValueError, match="memory_share is 1"):
        rabbitmq.Settings.read({"memory_share": 1})


def test_a_member_leaves_only_when_no_queue_loses_its_majority() -> None:
    command = CONTAINER["lifecycle"]["preStop"]["exec"]["command"][-1]
    assert command.index("await_online_quorum_plus_one") < command.index("drain")
    seconds = one(OBJECTS, "StatefulSet", "rabbitmq")["spec"]["template"]["spec"]
    assert seconds["terminationGracePeriodSeconds"] >= 60 + 60 + 30


def test_a_service_gets_at_its_own_queues_and_nothing_else() -> None:
    found = rabbitmq.definitions(STORE, {}, {"billing": "x", "ehr": "y", "caller": "z"})
    rights = {entry["user"]: entry for entry in found["permissions"]}
    assert rights["billing"]["write"] == rights["billing"]["read"] == r"^(bills|visits\.closed)$"
    assert rights["ehr"]["read"] == r"^(visits\.closed)$"
    assert not re.search(rights["ehr"]["read"], "visitsxclosed")
    # Who only declared the store may log in, and no more. Nobody writes to what reaches all queues.
    assert rights["caller"]["read"] == rights["caller"]["write"] == "^$"
    assert not any(re.search(entry["write"], "amq.default") for entry in rights.values())
    assert {entry["configure"] for entry in rights.values()} == {"^$"}
    assert {queue["arguments"]["x-quorum-initial-group-size"] for queue in found["queues"]} == {3}


def test_declared_things_are_made_once() -> None:
    broker = Broker(slow=2)
    changes = rabbitmq.declare(STORE, {}, PASSWORDS, broker, check=False)
    assert {"queue bills", "queue visits.closed", "user billing", "permission ehr", "vhost nilecare"} <= set(
        changes
    )
    assert rabbitmq.declare(STORE, {}, PASSWORDS, broker, check=False) == []
    assert rabbitmq.declare(STORE, {}, {**PASSWORDS, "ehr": "new"}, broker, check=False) == ["user ehr"]


def test_a_service_that_left_loses_its_user_and_no_queue_is_lost() -> None:
    broker = Broker()
    rabbitmq.declare(STORE, {}, PASSWORDS, broker, check=False)
    left = store(name="rabbitmq", engine="rabbitmq", declarations=STORE.declarations[:1])
    assert rabbitmq.declare(left, {}, {"billing": "one"}, broker, check=True) == ["user ehr removed"]
    assert rabbitmq.declare(left, {}, {"billing": "one"}, broker, check=False) == ["user ehr removed"]
    assert [user["name"] for user in broker.kept["users"]] == ["admin", "billing"]
    assert len(broker.kept["queues"]) == 2


def test_check_mode_changes_nothing() -> None:
    broker = Broker()
    assert rabbitmq.declare(STORE, {}, PASSWORDS, broker, check=True)
    assert all("export_definitions" in command for command in broker.commands)


def test_what_is_not_taken_over_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rabbitmq, "PAUSE", 0)
    with pytest.raises(ValueError, match=r"did not take over .*queue bills"):
        rabbitmq.declare(STORE, {}, PASSWORDS, Broker(slow=10**6), check=False)


@given(st.text(), st.text(), st.binary(min_size=4, max_size=4))
def test_a_hash_is_that_of_one_password(password: str, other: str, salt: bytes) -> None:
    kept = rabbitmq.password_hash(password, salt)
    assert rabbitmq.is_hash_of(kept, password)
    assert rabbitmq.is_hash_of(kept, other) == (password == other)


def test_a_hash_as_rabbitmq_wrote_it() -> None:
    """Made by RabbitMQ 4.3.6 for the password `adminpass`."""
    assert rabbitmq.is_hash_of("apEeeeuucxXFGmOb359F7LjY8LyH6z1k9IfqVGMDE+2X2mg8", "adminpass")
    assert not rabbitmq.is_hash_of("apEeeeuucxXFGmOb359F7LjY8LyH6z1k9IfqVGMDE+2X2mg8", "other")
    assert not rabbitmq.is_hash_of("", "adminpass")
    assert not rabbitmq.is_hash_of("no base64!", "adminpass")


def test_the_secret_of_members_is_for_their_user_alone(tmp_path: Path) -> None:
    shell = shutil.which("dash") or "/bin/sh"
    script = tmp_path / "start.sh"
    script.write_text(rabbitmq.START)
    environment = {"HOME": str(tmp_path), "COOKIE": "secret", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([shell, str(script), "/bin/pwd"], env=environment, capture_output=True, check=True)
    assert done.stdout
    cookie = tmp_path / ".erlang.cookie"
    assert cookie.read_text() == "secret"
    assert cookie.stat().st_mode & 0o777 == 0o600


def test_definitions_come_through_a_file_that_does_not_stay(tmp_path: Path) -> None:
    shell = shutil.which("dash") or "/bin/sh"
    tool = tmp_path / "rabbitmqctl"
    tool.write_text('#!/bin/sh\necho "$1 $2 $(cat "$3") $(stat -c %a "$3")"\n')
    tool.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    environment = {"TMPDIR": str(work), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [shell, "-c", rabbitmq.IMPORT, str(tool)],
        input="{}",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "-q import_definitions {} 600\n"
    assert list(work.iterdir()) == []
