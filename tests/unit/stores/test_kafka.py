"""Kafka's own: three replicas, certificates between members, and exactly what services declared."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.stores import kafka, kafka_tools
from ansible_collections.nilecare.platform.plugins.module_utils.stores.certificates import DIRECTORY as TLS
from ansible_collections.nilecare.platform.plugins.module_utils.stores.kafka import Settings
from ansible_collections.nilecare.platform.plugins.module_utils.stores.model import Declaration
from ansible_collections.nilecare.platform.plugins.module_utils.stores.statefulset import CONFIGURATION
from hypothesis import given
from hypothesis import strategies as st

from .conftest import one, store
from .started import line, renew, started

STORE = store(
    name="kafka",
    engine="kafka",
    namespace="messaging",
    image="docker.io/apache/kafka",
    version="4.4.0",
    uid=1000,
    declarations=(
        Declaration("ehr", "clinical", topics=("records",)),
        Declaration("hl7", "integration", topics=("records", "results")),
    ),
)
OBJECTS = kafka.render(STORE, {})
FILES = one(OBJECTS, "ConfigMap", "kafka-configuration")["data"]
SERVER = dict(line.split("=", 1) for line in FILES["server.properties"].splitlines())
CONTAINER = one(OBJECTS, "StatefulSet", "kafka")["spec"]["template"]["spec"]["containers"][0]
ENVIRONMENT = {entry["name"]: entry.get("value", "") for entry in CONTAINER["env"]}
PASSWORDS = {"ehr": "one", "hl7": "two", "caller": "three"}


class Broker:
    """Answers Kafka's tools as Kafka 4.4 does."""

    def __init__(self) -> None:
        self.topics: dict[str, dict[str, str]] = {"__consumer_offsets": {"cleanup.policy": "compact"}}
        self.users: dict[str, dict[str, str]] = {}
        self.rights: set[str] = set()
        self.lines: list[str] = []

    def __call__(self, member: str, command: Sequence[str], text: str) -> str:
        line = command[-1].splitlines()[-1]
        self.lines.append(line)
        words = line.split()
        if line.startswith("topics --describe"):
            return self._described() + f"{kafka_tools.MARK}\n" + self._listed()
        if line.startswith("acls --list"):
            return "\n".join(sorted(self.rights))
        if line.startswith("password "):
            mechanism, rounds = text.split("=iterations=")
            self.users.setdefault(words[1], {})[mechanism] = rounds.split(",", 1)[0]
        elif "--delete-config" in words:
            user = words[words.index("--entity-name") + 1]
            del self.users[user][words[words.index("--delete-config") + 1]]
            self.users = {name: has for name, has in self.users.items() if has}
        elif words[0] == "topics":
            pairs = (words[at + 1] for at, word in enumerate(words) if word == "--config")
            self.topics[words[words.index("--topic") + 1]] = dict(pair.split("=") for pair in pairs)
        elif words[0] == "configs":
            pair = words[words.index("--add-config") + 1].split("=")
            self.topics[words[words.index("--entity-name") + 1]][pair[0]] = pair[1]
        else:
            self._right(line)
        return ""

    def _described(self) -> str:
        return "".join(
            f"Topic: {name}\tTopicId: x\tPartitionCount: 6\tReplicationFactor: 3\tConfigs: min.isr=2"
            f"{''.join(f',{key}={value}' for key, value in own.items())}\n"
            f"\tTopic: {name}\tPartition: 0\tLeader: 2\tReplicas: 1,2,0\tIsr: 0,1,2\tElr: \tLastKnownElr: \n"
            for name, own in self.topics.items()
        )

    def _listed(self) -> str:
        return "".join(
            f"SCRAM credential configs for user-principal '{name}' are "
            + ", ".join(f"{mechanism}=iterations={rounds}" for mechanism, rounds in has.items())
            + "\n"
            for name, has in self.users.items()
        )

    def _right(self, line: str) -> None:
        words = line.split()
        user = words[words.index("--allow-principal") + 1]
        pattern = words[words.index("--resource-pattern-type") + 1].upper()
        pairs = list(itertools.pairwise(words))
        for kind in ("TOPIC", "GROUP", "TRANSACTIONAL_ID"):
            option = f"--{kind.lower().replace('_', '-')}"
            for name in (value for key, value in pairs if key == option):
                for operation in (value for key, value in pairs if key == "--operation"):
                    text = (
                        f"Current ACLs for resource `ResourcePattern(resourceType={kind}, name={name}, "
                        f"patternType={pattern})`:\n"
                        f"\t(principal={user}, host=*, operation={operation}, permissionType=ALLOW)"
                    )
                    if words[1] == "--add":
                        self.rights.add(text)
                    else:
                        self.rights.discard(text)


def test_a_write_is_on_two_members_and_nobody_behind_leads() -> None:
    assert SERVER["default.replication.factor"] == "3"
    assert SERVER["min.insync.replicas"] == "2"
    assert SERVER["unclean.leader.election.enable"] == "false"
    assert SERVER["log.flush.interval.messages"] == "1", "on disk, not only in memory"
    for log in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        assert SERVER[f"{log}.replication.factor"] == "3"
    assert SERVER["auto.create.topics.enable"] == "false"


def test_nobody_is_heard_without_tls() -> None:
    protocols = dict(pair.split(":") for pair in SERVER["listener.security.protocol.map"].split(","))
    assert protocols == {"CLIENT": "SASL_SSL", "MEMBER": "SSL", "CONTROLLER": "SSL"}
    for listener in ("member", "controller"):
        assert SERVER[f"listener.name.{listener}.ssl.client.auth"] == "required"
    assert SERVER["allow.everyone.if.no.acl.found"] == "false"
    certificate = one(OBJECTS, "Certificate", "kafka-tls")["spec"]
    assert SERVER["super.users"] == f"User:CN={certificate['commonName']}"
    assert certificate["privateKey"]["encoding"] == "PKCS8"


def test_the_first_voters_are_the_members() -> None:
    voters = [voter.split(":") for voter in ENVIRONMENT["CONTROLLERS"].split(",")]
    assert [voter[0] for voter in voters] == [
        f"{number}@{STORE.member_address(member)}" for number, member in enumerate(STORE.members)
    ]
    numbers = {voter[2] for voter in voters} | {ENVIRONMENT["CLUSTER_ID"]}
    assert len(numbers) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", number) and number[0] != "-" for number in numbers)
    assert kafka.controllers(STORE) == kafka.controllers(STORE), "the same at each start"


def test_all_topics_fit_into_their_share_of_the_volume() -> None:
    settings = Settings.read({"used_share": 0.5, "partitions": 4})
    kept = kafka.topics(STORE, settings)
    assert list(kept) == ["records", "results"]
    assert sum(int(own["retention.bytes"]) * 4 for own in kept.values()) <= STORE.size // 2
    with pytest.raises(ValueError, match="used_share is 1"):
        Settings.read({"used_share": 1})
    with pytest.raises(ValueError, match="no setting colour"):
        Settings.read({"colour": "blue"})


def test_a_service_gets_at_its_own_topics_and_groups() -> None:
    found = kafka.rights(STORE, PASSWORDS)
    assert ("TOPIC", "results", "LITERAL", "hl7", "WRITE") in found
    assert not [right for right in found if right[1] == "results" and right[3] == "ehr"]
    assert {right[1] for right in found if right[0] == "GROUP"} == {"ehr", "hl7"}
    assert not [right for right in found if right[3] == "caller"]


def test_declared_things_are_made_once() -> None:
    broker = Broker()
    changes = kafka.declare(STORE, {}, PASSWORDS, broker, check=False)
    assert {"topic records", "topic results", "user caller"} <= set(changes)
    assert kafka.declare(STORE, {}, PASSWORDS, broker, check=False) == []
    assert kafka.declare(STORE, {}, {**PASSWORDS, "ehr": "new"}, broker, check=False) == ["user ehr"]
    less = kafka.declare(STORE, {"used_share": 0.3}, {**PASSWORDS, "ehr": "new"}, broker, check=False)
    assert [change.partition(":")[0] for change in less] == ["topic records", "topic results"]


def test_a_service_that_left_loses_its_user_and_rights_and_no_topic_is_lost() -> None:
    broker = Broker()
    kafka.declare(STORE, {}, PASSWORDS, broker, check=False)
    left = store(name="kafka", engine="kafka", declarations=STORE.declarations[:1])
    changes = kafka.declare(left, {}, {"ehr": "one"}, broker, check=False)
    assert {"user hl7 removed", "user caller removed", "right GROUP hl7 PREFIXED hl7 ALL removed"} <= set(
        changes
    )
    assert set(broker.users) == {"ehr"}
    assert {"records", "results"} <= set(broker.topics)
    assert not [right for right in broker.rights if "hl7" in right]


def test_rights_come_in_few_calls() -> None:
    """Each starts Java anew, which takes seconds."""
    broker = Broker()
    kafka.declare(STORE, {}, PASSWORDS, broker, check=False)
    assert len([line for line in broker.lines if line.startswith("acls --add")]) == 4


def test_check_mode_only_asks() -> None:
    broker = Broker()
    assert kafka.declare(STORE, {}, PASSWORDS, broker, check=True)
    assert all(line.startswith(("topics --describe", "acls --list")) for line in broker.lines)


def test_passwords_are_in_no_command() -> None:
    commands: list[str] = []

    class Listening(Broker):
        def __call__(self, member: str, command: Sequence[str], text: str) -> str:
            commands.append(" ".join(command))
            return super().__call__(member, command, text)

    kafka.declare(STORE, {}, {"ehr": "very-secret"}, Listening(), check=False)
    assert not [command for command in commands if "very-secret" in command]


@given(st.text(), st.text())
def test_rounds_tell_passwords_apart(one_password: str, other: str) -> None:
    assert (kafka_tools.rounds(one_password) == kafka_tools.rounds(other)) == (one_password == other)
    assert all(4096 <= times <= 16384 for times in kafka_tools.rounds(one_password).values()), (
        "what Kafka takes"
    )


def test_the_start_gives_kafka_its_name_and_passes_signals_on(tmp_path: Path) -> None:
    """With a program that says what it got in place of Java."""
    shell = shutil.which("dash") or "/bin/sh"
    for name in ("tls.key", "tls.crt", "member.properties", "server.properties"):
        (tmp_path / name).write_text(f"{name}\n")
    text = kafka.START
    for path in (TLS, CONFIGURATION, kafka.DATA):
        text = text.replace(path, str(tmp_path))
    script = tmp_path / "start.sh"
    script.write_text(text.replace("sleep 5", "sleep 0.2").replace("number * 600 + 1", "0"))
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\ntrap 'echo TERM; exit 7' TERM\necho \"$@\"\nwhile :; do sleep 0.1; done\n")
    tool = tmp_path / "tool"
    tool.write_text('#!/bin/sh\necho "$1" "$2"\n')
    for program in (java, tool):
        program.chmod(0o755)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path / "home"),
        "MEMBER": "kafka-2",
        "ADVERTISED": "CLIENT://x:9092",
        "CLUSTER_ID": "id",
        "CONTROLLERS": "0@x",
        "JAVA": f"{java} -cp /opt/*",
        "TOOL": str(tool),
    }
    (tmp_path / "home").mkdir()
    with started([shell, str(script)], environment) as running:
        assert line(running) == "kafka.tools.StorageTool format"
        assert line(running) == f"-cp /opt/* kafka.Kafka {tmp_path}/home/server.properties"
        written = (tmp_path / "home" / "server.properties").read_text()
        assert written == "server.properties\nnode.id=2\nadvertised.listeners=CLIENT://x:9092\n"
        assert (tmp_path / "home" / "member.pem").read_text() == "tls.key\ntls.crt\n"
        assert (tmp_path / "home" / "member.pem").stat().st_mode & 0o077 == 0
        renew(tmp_path / "tls.crt", "renewed\n")
        assert line(running) == "TERM"
        assert running.wait(60) == 7
