# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""RabbitMQ, whose queues are kept by all members: a message is confirmed when two of three have it on disk.

Members find each other by their names in Kubernetes and speak TLS with certificates on both sides. Every
member serves every client; a queue's leader moves when its member is gone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import network, rabbitmq_members
from .certificates import DIRECTORY as TLS
from .certificates import certificate
from .engines import check_share, known
from .execute import Execute
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
from .store_secrets import members_secret

PORT, METRICS_PORT = 5671, 15692
MEMBER_PORTS = {"epmd": 4369, "distribution": 25672}
TOOL_PORTS = {f"tools-{number}": 35672 + number for number in range(4)}
"""Where RabbitMQ's tools hear what other members have to say, such as of queues that those lead; as many may
run at a time in a pod. Without them a tool waits for answers that never come."""
DATA = "/var/lib/rabbitmq"
HOME = "/tmp"
#: in the Secret <store>-credentials: what members know each other by, and the password of the user `admin`
COOKIE, ADMIN = CREDENTIALS = "cookie", "admin"
#: the virtual host that all services share; the one of new installations, "/", stays empty
VHOST = "nilecare"
#: tag of users that are made, and removed, as services declare the store
OWNED = "nilecare"
HASHING = "rabbit_password_hashing_sha256"
PLUGINS = ("rabbitmq_peer_discovery_k8s", "rabbitmq_prometheus")
MEBIBYTE = 2**20
#: how often, and how many seconds apart, it is asked whether definitions were taken over
TRIES, PAUSE = 20, 0.5

# Erlang takes the secret that members share only from a file that nobody else can read.
START = """\
#!/bin/sh
set -eu
umask 077
printf '%s' "$COOKIE" > "$HOME/.erlang.cookie"
exec "$1"
"""

# Its tools do not read from pipes.
IMPORT = """\
set -eu
umask 077
file=$(mktemp)
trap 'rm -f "$file"' EXIT
cat > "$file"
"$0" -q import_definitions "$file" < /dev/null
"""

# Both sides show a certificate of the platform's authority. Expects the names of members one by one: Erlang
# compares names with no pattern here.
INTER_NODE = f"""\
[
  {{server, [
    {{cacertfile, "{TLS}/ca.crt"}}, {{certfile, "{TLS}/tls.crt"}}, {{keyfile, "{TLS}/tls.key"}},
    {{versions, ['tlsv1.3']}}, {{verify, verify_peer}}, {{fail_if_no_peer_cert, true}}
  ]}},
  {{client, [
    {{cacertfile, "{TLS}/ca.crt"}}, {{certfile, "{TLS}/tls.crt"}}, {{keyfile, "{TLS}/tls.key"}},
    {{versions, ['tlsv1.3']}}, {{verify, verify_peer}}
  ]}}
].
"""


@dataclass(frozen=True)
class Settings:
    """What an inventory may say of RabbitMQ; names and defaults as in roles/rabbitmq.

    :param directory: of the programs in the image.
    :param plugins: besides those that the platform needs.
    :param memory_share: share of the memory limit from which on publishers wait.
    :param free_share: share of the volume that must be free, or publishers wait.
    :param delivery_limit: times that a message is delivered before it is given up.
    :param parameters: further lines of rabbitmq.conf.
    """

    directory: str = "/opt/rabbitmq/sbin"
    plugins: tuple[str, ...] = ()
    memory_share: float = 0.5
    free_share: float = 0.2
    delivery_limit: int = 20
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Settings:
        """Settings of an inventory.

        :raises ValueError: one is unknown, or a share is none.
        """
        settings = cls(**{**known(cls, "RabbitMQ", given), "plugins": tuple(given.get("plugins", ()))})
        for name in ("memory_share", "free_share"):
            check_share(name, getattr(settings, name))
        return settings


def render(store: Store, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All objects of the store but its volumes and credentials."""
    settings = Settings.read(given)
    files = {
        "rabbitmq.conf": rabbitmq_conf(store, settings),
        "enabled_plugins": f"[{', '.join([*PLUGINS, *settings.plugins])}].\n",
        "inter_node.config": INTER_NODE,
        "start.sh": START,
    }
    clients, metrics = {"amqps": PORT}, {"metrics": METRICS_PORT}
    return [
        account(store),
        configuration(store, files),
        certificate(store, *(f"{member}.{store.name}-members" for member in store.members)),
        network.members(store, {**clients, **MEMBER_PORTS, **metrics}),
        network.service(store, clients),
        network.network_policy(store, clients, {**MEMBER_PORTS, **TOOL_PORTS}, metrics),
        budget(store),
        stateful_set(store, [_container(store, settings)], files, stop_seconds=180),
    ]


def node(store: Store, member: str) -> str:
    """The name that a member has among Erlang's."""
    return f"rabbit@{store.member_address(member)}"


def _container(store: Store, settings: Settings) -> Container:
    credentials = members_secret(store)
    inner = f"-proto_dist inet_tls -ssl_dist_optfile {CONFIGURATION}/inter_node.config"
    upgrade = f"{settings.directory}/rabbitmq-upgrade"
    # No member leaves while a queue would lose its majority by it, and its leaders move away before.
    leave = f"{upgrade} await_online_quorum_plus_one -t 60; {upgrade} drain -t 60"

    def connect(port: int) -> dict[str, Any]:
        return {"tcpSocket": {"port": port}}

    return Container(
        name="rabbitmq",
        command=("/bin/sh", f"{CONFIGURATION}/start.sh", f"{settings.directory}/rabbitmq-server"),
        data=DATA,
        ports={"amqps": PORT, **MEMBER_PORTS, "metrics": METRICS_PORT},
        environment={
            "HOME": HOME,
            "LC_ALL": "C.UTF-8",
            "RABBITMQ_CONFIG_FILE": f"{CONFIGURATION}/rabbitmq.conf",
            "RABBITMQ_CTL_DIST_PORT_MAX": str(max(TOOL_PORTS.values())),
            "RABBITMQ_CTL_DIST_PORT_MIN": str(min(TOOL_PORTS.values())),
            "RABBITMQ_CTL_ERL_ARGS": inner,
            "RABBITMQ_DEFAULT_USER": ADMIN,
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{CONFIGURATION}/enabled_plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{HOME}/config",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": f"{HOME}/log",
            "RABBITMQ_MNESIA_BASE": f"{DATA}/data",
            "RABBITMQ_NODENAME": node(store, "$(MEMBER)"),
            "RABBITMQ_PID_FILE": f"{HOME}/pid",
            # Schedulers that wait for work do so asleep.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{inner} +sbwt none +sbwtdcpu none +sbwtdio none",
            "RABBITMQ_USE_LONGNAME": "true",
            # The server takes the shell's place, gets its signals and ends by itself.
            "RUNNING_UNDER_SYSTEMD": "true",
        },
        fields={"MEMBER": "metadata.name"},
        secrets={"COOKIE": (credentials, COOKIE), "RABBITMQ_DEFAULT_PASS": (credentials, ADMIN)},
        writable={HOME: 64 * MEBIBYTE},
        probes={
            # Clients' port opens when the member has joined and its queues have started. That may take long
            # while the others are away, and a restart would not cure it.
            "startupProbe": probe(connect(MEMBER_PORTS["distribution"]), 2, 60),
            "livenessProbe": probe(connect(MEMBER_PORTS["distribution"]), 10, 6),
            "readinessProbe": probe(connect(PORT), 3, 2),
            "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", leave]}}},
        },
    )


def rabbitmq_conf(store: Store, settings: Settings) -> str:
    """The configuration that all members share, tuned by the memory of the store's tier and its volume."""
    lines = {
        "listeners.tcp": "none",
        "listeners.ssl.default": PORT,
        "ssl_options.cacertfile": f"{TLS}/ca.crt",
        "ssl_options.certfile": f"{TLS}/tls.crt",
        "ssl_options.keyfile": f"{TLS}/tls.key",
        "ssl_options.versions.1": "tlsv1.3",
        # Clients have passwords.
        "ssl_options.verify": "verify_none",
        "auth_mechanisms.1": "PLAIN",
        "loopback_users": "none",
        "cluster_name": store.name,
        "cluster_formation.peer_discovery_backend": "k8s",
        "cluster_formation.target_cluster_size_hint": len(store.machines),
        "default_queue_type": "quorum",
        "queue_leader_locator": "balanced",
        # A connection or a member that is gone is noticed within half a minute.
        "heartbeat": 20,
        "net_ticktime": 20,
        "vm_memory_high_watermark.absolute": int(store.tier.memory_limit * settings.memory_share),
        "disk_free_limit.absolute": int(store.size * settings.free_share),
        # Several of them may lie on the volume.
        "raft.wal_max_size_bytes": min(512 * MEBIBYTE, store.size // 32),
        "prometheus.tcp.port": METRICS_PORT,
        "log.console": "true",
        "log.file": "false",
        **settings.parameters,
    }
    return "".join(f"{key} = {value}\n" for key, value in lines.items())


def definitions(
    store: Store, given: Mapping[str, Any], hashes: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """What shall be in the store, as RabbitMQ writes definitions.

    Each queue has an exchange of its name, and a service may publish to and consume from those that it
    declared. Nobody but the platform makes or removes anything, and nobody writes past the exchanges.

    :param hashes: hash of the password by service, see ``password_hash``.
    """
    settings, vhost = Settings.read(given), VHOST
    queues = sorted({queue for one in store.declarations for queue in one.queues})
    mine = dict.fromkeys(hashes, "^$")
    mine |= {one.service: _only(one.queues) for one in store.declarations if one.service in hashes}
    return {
        "vhosts": [{"name": vhost, "metadata": {"default_queue_type": "quorum"}}],
        "users": [
            {
                "name": user,
                "password_hash": hashes[user],
                "hashing_algorithm": HASHING,
                "tags": [OWNED],
            }
            for user in sorted(hashes)
        ],
        "permissions": [
            {"user": user, "vhost": vhost, "configure": "^$", "write": names, "read": names}
            for user, names in sorted(mine.items())
        ],
        "policies": [
            {
                "vhost": vhost,
                "name": "nilecare",
                "pattern": ".*",
                "apply-to": "quorum_queues",
                "definition": {"delivery-limit": settings.delivery_limit, "overflow": "reject-publish"},
                "priority": 0,
            }
        ],
        "queues": [
            {
                "name": queue,
                "vhost": vhost,
                "durable": True,
                "auto_delete": False,
                "arguments": {"x-queue-type": "quorum", "x-quorum-initial-group-size": len(store.machines)},
            }
            for queue in queues
        ],
        "exchanges": [
            {
                "name": queue,
                "vhost": vhost,
                "type": "fanout",
                "durable": True,
                "auto_delete": False,
                "arguments": {},
            }
            for queue in queues
        ],
        "bindings": [
            {
                "source": queue,
                "vhost": vhost,
                "destination": queue,
                "destination_type": "queue",
                "routing_key": "",
                "arguments": {},
            }
            for queue in queues
        ],
    }


def declare(
    store: Store,
    given: Mapping[str, Any],
    passwords: Mapping[str, str],
    execute: Execute,
    check: bool,
) -> list[str]:
    """Bring about what services declared, and say what that changed, or would.

    Users of services that no longer declare the store are removed; queues never are.

    :param passwords: by service.
    :param execute: runs a command in a member.
    """
    control = f"{Settings.read(given).directory}/rabbitmqctl"
    member = store.members[0]

    def exported() -> dict[str, Any]:
        answer = execute(member, [control, "-q", "export_definitions", "-"], "")
        found: dict[str, Any] = json.loads(answer)
        return found

    now = exported()
    wanted = definitions(store, given, _hashes(now["users"], passwords))
    changes = _missing(now, wanted)
    old = [user["name"] for user in now["users"] if OWNED in user["tags"] and user["name"] not in passwords]
    if check:
        return [*changes, *(f"user {name} removed" for name in old)]
    if changes:
        execute(member, ["/bin/sh", "-c", IMPORT, control], json.dumps(wanted))
        # It is taken in after the answer.
        for attempt in range(1, TRIES + 1):
            left = _missing(exported(), wanted)
            if not left:
                break
            if attempt == TRIES:
                raise ValueError(f"RabbitMQ did not take over {', '.join(left)}")
            time.sleep(PAUSE)
    for name in old:
        execute(member, [control, "-q", "delete_user", name], "")
    return [*changes, *(f"user {name} removed" for name in old)]


def standings(
    store: Store, given: Mapping[str, Any], asked: str, execute: Execute
) -> tuple[dict[str, Standing], list[str]]:
    """How its members stand, as one that is asked knows it (see members.py)."""
    names = {member: node(store, member) for member in store.members}
    control = f"{Settings.read(given).directory}/rabbitmqctl"
    return rabbitmq_members.standings(control, VHOST, names, asked, execute)


def _hashes(users: list[dict[str, Any]], passwords: Mapping[str, str]) -> dict[str, str]:
    """The hash of each password: the one that is kept where it is right, so that nothing changes."""
    kept = {user["name"]: user.get("password_hash", "") for user in users}
    return {
        name: kept[name]
        if is_hash_of(kept.get(name, ""), password)
        else password_hash(password, os.urandom(4))
        for name, password in passwords.items()
    }


def _missing(now: Mapping[str, Any], wanted: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """What is not there, or is otherwise than wanted; fields that only RabbitMQ knows do not count."""
    texts = []
    for kind, things in wanted.items():
        for thing in things:
            if not any(_holds(have, thing) for have in now.get(kind, [])):
                name = thing.get("name") or thing.get("user") or thing.get("source")
                texts.append(f"{kind.removesuffix('s')} {name}")
    return texts


def _holds(have: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(have, Mapping) and all(_holds(have.get(key), wanted[key]) for key in wanted)
    return bool(have == wanted)


def password_hash(password: str, salt: bytes) -> str:
    """How RabbitMQ keeps a password: a salt of four bytes, and the sum of it with the password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def is_hash_of(kept: str, password: str) -> bool:
    """Whether a kept hash is that of this password."""
    try:
        salt = base64.b64decode(kept, validate=True)[:4]
    except ValueError:
        return False
    return password_hash(password, salt) == kept


def _only(names: tuple[str, ...]) -> str:
    escaped = (name.replace(".", "\\.") for name in sorted(names))
    return f"^({'|'.join(escaped)})$" if names else "^$"
