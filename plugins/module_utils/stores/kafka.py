# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Kafka in KRaft mode: three members that each are broker and controller.

Every topic is on all three, and what a producer with ``acks=all`` was told to be written is on two at least.
Members know each other by certificates, services log in with passwords.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import network
from .certificates import DIRECTORY as TLS
from .certificates import certificate
from .engines import check_share, known
from .execute import Execute
from .kafka_tools import (
    MARK,
    MECHANISM,
    TOOLS,
    Now,
    Right,
    acl_options,
    read_now,
    read_rights,
    read_standings,
    rounds,
)
from .members import Standing
from .model import Store
from .statefulset import (
    CONFIGURATION,
    Container,
    account,
    budget,
    configuration,
    probe,
    stateful_set,
)

PORT = 9092
MEMBER_PORTS = {"controller": 9093, "member": 9094}
DATA = "/var/lib/kafka"
HOME = "/tmp"
CREDENTIALS: tuple[str, ...] = ()
"""Members have certificates, and no passwords."""
COMMON_NAME = "kafka-member"
MEBIBYTE = 2**20

# Kafka takes key and certificate from one file, and learns its own name from the pod's. A renewed certificate
# is taken by a new start, each member at its own time.
START = f"""\
#!/bin/sh
set -euf
umask 077
number=${{MEMBER##*-}}
read_at=$(cksum < {TLS}/tls.crt)
cat {TLS}/tls.key {TLS}/tls.crt > "$HOME/member.pem"
cat {CONFIGURATION}/member.properties > "$HOME/member.properties"
cat {CONFIGURATION}/server.properties - > "$HOME/server.properties" << END
node.id=$number
advertised.listeners=$ADVERTISED
END
if [ ! -e {DATA}/log/meta.properties ]; then
  $TOOL kafka.tools.StorageTool format --config "$HOME/server.properties" --cluster-id "$CLUSTER_ID" \\
    --initial-controllers "$CONTROLLERS"
fi
$JAVA kafka.Kafka "$HOME/server.properties" &
kafka=$!
trap 'kill -TERM "$kafka"' TERM INT
while kill -0 "$kafka" 2> /dev/null; do
  sleep 5 &
  wait $! || true
  if [ "$(cksum < {TLS}/tls.crt)" != "$read_at" ]; then
    sleep "$((number * 600 + 1))" &
    wait $! || true
    kill -TERM "$kafka"
    break
  fi
done
wait "$kafka"
"""

# Before a member ends, all others have what it has; for a minute at most.
LEAVE = """\
#!/bin/sh
set -uf
tries=0
while [ "$tries" -lt 20 ]; do
  if behind=$($TOOL org.apache.kafka.tools.TopicCommand --bootstrap-server "$OWN" \\
    --command-config "$HOME/member.properties" --describe --under-replicated-partitions); then
    [ -n "$behind" ] || exit 0
  fi
  tries=$((tries + 1))
  sleep 1
done
"""

# The tools' words are for people, and apart from their answers.
LOGGING = """\
rootLogger.level = ${sys:nilecare.level:-INFO}
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.target = ${sys:nilecare.target:-SYSTEM_OUT}
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d{ISO8601}{UTC}] %p %m (%c)%n
"""


@dataclass(frozen=True)
class Settings:
    """What an inventory may say of Kafka; names and defaults as in roles/kafka.

    :param java: path of the Java machine in the image.
    :param libraries: directory of Kafka's libraries in the image.
    :param partitions: of each topic.
    :param retention_hours: hours that messages are kept, as far as the volume has room.
    :param used_share: share of the volume that all topics together may have.
    :param flush_messages: messages after which each member writes to its disk. Kafka by itself leaves it to
        the system; all power gone at once then takes what was confirmed.
    :param parameters: further lines of server.properties.
    """

    java: str = "/opt/java/openjdk/bin/java"
    libraries: str = "/opt/kafka/libs"
    partitions: int = 6
    retention_hours: int = 168
    used_share: float = 0.6
    flush_messages: int = 1
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Settings:
        """Settings of an inventory.

        :raises ValueError: one is unknown, or the share is none.
        """
        settings = cls(**known(cls, "Kafka", given))
        check_share("used_share", settings.used_share)
        return settings


def render(store: Store, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All objects of the store but its volumes and credentials."""
    settings = Settings.read(given)
    files = {
        "server.properties": _properties(server(store, settings)),
        "member.properties": _properties({"security.protocol": "SSL", **_identity()}),
        "log4j2.properties": LOGGING,
        "start.sh": START,
        "leave.sh": LEAVE,
    }
    clients = {"kafka": PORT}
    issued = certificate(store, *(f"{member}.{store.name}-members" for member in store.members))
    issued["spec"]["commonName"] = COMMON_NAME
    # The only form of a key that Kafka reads.
    issued["spec"]["privateKey"]["encoding"] = "PKCS8"
    return [
        account(store),
        configuration(store, files),
        issued,
        network.members(store, {**clients, **MEMBER_PORTS}),
        network.service(store, clients),
        network.network_policy(store, clients, MEMBER_PORTS, {}),
        budget(store),
        stateful_set(store, [_container(store, settings)], files, stop_seconds=180),
    ]


def _container(store: Store, settings: Settings) -> Container:
    own = store.member_address("$(MEMBER)")

    def connect(port: int) -> dict[str, Any]:
        return {"tcpSocket": {"port": port}}

    return Container(
        name="kafka",
        command=("/bin/sh", f"{CONFIGURATION}/start.sh"),
        data=DATA,
        ports={"kafka": PORT, **MEMBER_PORTS},
        environment={
            "HOME": HOME,
            "LC_ALL": "C.UTF-8",
            "ADVERTISED": f"CLIENT://{own}:{PORT},MEMBER://{own}:{MEMBER_PORTS['member']}",
            "CLUSTER_ID": identity(store, "cluster"),
            "CONTROLLERS": controllers(store),
            "JAVA": " ".join([settings.java, *java_options(store), "-cp", f"{settings.libraries}/*"]),
            "OWN": f"{own}:{MEMBER_PORTS['member']}",
            "TOOL": " ".join([settings.java, *TOOL_OPTIONS, "-cp", f"{settings.libraries}/*"]),
        },
        fields={"MEMBER": "metadata.name"},
        writable={HOME: 64 * MEBIBYTE},
        probes={
            "startupProbe": probe(connect(MEMBER_PORTS["controller"]), 2, 90),
            "livenessProbe": probe(connect(MEMBER_PORTS["controller"]), 10, 6),
            # Clients are served when the controllers took the broker in.
            "readinessProbe": probe(connect(PORT), 3, 2),
            "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", f"{CONFIGURATION}/leave.sh"]}}},
        },
    )


TOOL_OPTIONS = (
    "-Xmx96m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    f"-Dlog4j2.configurationFile={CONFIGURATION}/log4j2.properties",
    "-Dnilecare.level=ERROR",
    "-Dnilecare.target=SYSTEM_ERR",
)


def java_options(store: Store) -> list[str]:
    """A third of the memory for the heap; the rest is the system's, that keeps what is read in it."""
    megabytes = max(store.tier.memory_limit // 3 // MEBIBYTE, 192)
    return [
        f"-Xmx{megabytes}m",
        "-XX:+ExitOnOutOfMemoryError",
        f"-Dlog4j2.configurationFile={CONFIGURATION}/log4j2.properties",
    ]


def identity(store: Store, what: str) -> str:
    """A number as Kafka writes them, always the same for the same store."""
    digest = hashlib.sha256(f"{store.domain}/{store.namespace}/{store.name}/{what}".encode()).digest()[:16]
    # One that begins with a dash would be taken for an option.
    text = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return "A" + text[1:]


def controllers(store: Store) -> str:
    """The first voters: number, address and the number of the directory."""
    port = MEMBER_PORTS["controller"]
    return ",".join(
        f"{number}@{store.member_address(member)}:{port}:{identity(store, member)}"
        for number, member in enumerate(store.members)
    )


def _identity() -> dict[str, Any]:
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": f"{HOME}/member.pem",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": f"{TLS}/ca.crt",
        "ssl.enabled.protocols": "TLSv1.3",
        "ssl.protocol": "TLSv1.3",
    }


def server(store: Store, settings: Settings) -> dict[str, Any]:
    """What all members share."""
    members, majority = len(store.machines), len(store.machines) // 2 + 1
    ports = {"CLIENT": PORT, "MEMBER": MEMBER_PORTS["member"], "CONTROLLER": MEMBER_PORTS["controller"]}
    return {
        "process.roles": "broker,controller",
        "controller.quorum.bootstrap.servers": ",".join(
            f"{store.member_address(member)}:{MEMBER_PORTS['controller']}" for member in store.members
        ),
        "listeners": ",".join(f"{name}://:{port}" for name, port in ports.items()),
        "listener.security.protocol.map": "CLIENT:SASL_SSL,MEMBER:SSL,CONTROLLER:SSL",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "MEMBER",
        **_identity(),
        # Services have passwords, members certificates.
        "listener.name.member.ssl.client.auth": "required",
        "listener.name.controller.ssl.client.auth": "required",
        "listener.name.client.ssl.client.auth": "none",
        "sasl.enabled.mechanisms": MECHANISM,
        f"listener.name.client.{MECHANISM.lower()}.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:CN={COMMON_NAME}",
        "log.dirs": f"{DATA}/log",
        "auto.create.topics.enable": "false",
        "num.partitions": settings.partitions,
        "default.replication.factor": members,
        "min.insync.replicas": majority,
        "unclean.leader.election.enable": "false",
        "offsets.topic.replication.factor": members,
        "offsets.topic.num.partitions": 12,
        "transaction.state.log.replication.factor": members,
        "transaction.state.log.min.isr": majority,
        "transaction.state.log.num.partitions": 6,
        "share.coordinator.state.topic.replication.factor": members,
        "share.coordinator.state.topic.min.isr": majority,
        "share.coordinator.state.topic.num.partitions": 6,
        "log.retention.hours": settings.retention_hours,
        "log.segment.bytes": _segment(store),
        "log.flush.interval.messages": settings.flush_messages,
        "metadata.log.segment.bytes": _segment(store),
        "metadata.max.retention.bytes": 4 * _segment(store),
        "controlled.shutdown.enable": "true",
        # When all power comes back members wait for each other, and do not give up after a minute.
        "initial.broker.registration.timeout.ms": 600_000,
        "broker.session.timeout.ms": 6000,
        "broker.heartbeat.interval.ms": 1500,
        **settings.parameters,
    }


def _segment(store: Store) -> int:
    """Bytes of a file of a log: a hundredth of the volume, at least 4 MiB."""
    return min(max(store.size // 100, 4 * MEBIBYTE), 1024 * MEBIBYTE)


def _properties(lines: Mapping[str, Any]) -> str:
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def topics(store: Store, settings: Settings) -> dict[str, dict[str, str]]:
    """The declared topics with their own configuration: all together have their share of the volume."""
    names = sorted({topic for one in store.declarations for topic in one.topics})
    if not names:
        return {}
    each = int(store.size * settings.used_share) // (len(names) * settings.partitions)
    return {name: {"retention.bytes": str(max(each, 2 * _segment(store)))} for name in names}


def rights(store: Store, users: Mapping[str, str]) -> set[Right]:
    """What each service may.

    It reads and writes the topics that it declared, with consumer groups whose names begin with its own.
    """
    found = set()
    for one in store.declarations:
        if one.service not in users:
            continue
        for topic in one.topics:
            for operation in ("READ", "WRITE", "DESCRIBE"):
                found.add(("TOPIC", topic, "LITERAL", one.service, operation))
        if one.topics:
            for kind in ("GROUP", "TRANSACTIONAL_ID"):
                found.add((kind, one.service, "PREFIXED", one.service, "ALL"))
    return found


def declare(
    store: Store,
    given: Mapping[str, Any],
    passwords: Mapping[str, str],
    execute: Execute,
    check: bool,
) -> list[str]:
    """Bring about what services declared, and say what that changed, or would.

    Users and rights of services that no longer declare the store are removed; topics never are.

    :param passwords: by service.
    :param execute: runs a command in a member.
    """
    settings, member = Settings.read(given), store.members[0]

    def tools(lines: list[str], text: str = "") -> str:
        return execute(member, ["/bin/sh", "-c", "\n".join([TOOLS, *lines])], text)

    now = read_now(tools([f"topics --describe; echo '{MARK}'; configs --describe --entity-type users"]))
    listed = read_rights(tools(["acls --list"]))
    changes, work = _topic_changes(now, topics(store, settings), settings)
    wanted = rights(store, passwords)
    changes += [f"right {' '.join(right)}" for right in sorted(wanted - listed)]
    work += [(f"acls --add {options}", "") for options in acl_options(wanted - listed)]
    changes += [f"right {' '.join(right)} removed" for right in sorted(listed - wanted)]
    work += [(f"acls --remove --force {options}", "") for options in acl_options(listed - wanted)]
    for user, password in sorted(passwords.items()):
        if now.users.get(user) != rounds(password):
            changes.append(f"user {user}")
            for mechanism, times in rounds(password).items():
                work.append((f"password {user}", f"{mechanism}=iterations={times},password={password}\n"))
    for user in sorted(set(now.users) - set(passwords)):
        changes.append(f"user {user} removed")
        for mechanism in now.users[user]:
            remove = f"--alter --entity-type users --entity-name {user} --delete-config {mechanism}"
            work.append((f"configs {remove}", ""))
    if not check:
        for line, text in work:
            tools([f"{line} > /dev/null"], text)
    return changes


def standings(
    store: Store, given: Mapping[str, Any], asked: str, execute: Execute
) -> tuple[dict[str, Standing], list[str]]:
    """How its members stand, as one that is asked knows it (see members.py)."""
    stopped = "topics --describe --under-min-isr-partitions"
    lines = [TOOLS, "quorum describe --replication", f"echo '{MARK}'", stopped]
    text = execute(asked, ["/bin/sh", "-c", "\n".join(lines)], "")
    return read_standings(text, store.members)


def _topic_changes(
    now: Now, wanted: Mapping[str, Mapping[str, str]], settings: Settings
) -> tuple[list[str], list[tuple[str, str]]]:
    changes, work = [], []
    for name, own in wanted.items():
        lines = " ".join(f"--config {key}={value}" for key, value in own.items())
        if name not in now.topics:
            changes.append(f"topic {name}")
            create = f"--create --if-not-exists --topic {name} --partitions {settings.partitions}"
            work.append((f"topics {create} {lines}", ""))
        elif any(now.topics[name].get(key) != value for key, value in own.items()):
            changes.append(f"topic {name}: {', '.join(f'{key}={own[key]}' for key in own)}")
            pairs = ",".join(f"{key}={value}" for key, value in own.items())
            work.append(
                (f"configs --alter --entity-type topics --entity-name {name} --add-config {pairs}", "")
            )
    return changes, work
