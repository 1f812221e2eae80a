# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Valkey in three sites, watched by a Sentinel beside each member. Services know it as ``redis``.

One member takes writes, and only while another one follows it; the others copy them. Who takes writes is
found by proxies, see ``redis_proxy``; how members start, in ``redis_scripts``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import network, redis_accounts, redis_members, redis_proxy, redis_scripts
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

PORT, SENTINEL_PORT = 6379, 26379
DATA = "/data"
HOME = "/tmp"
CREDENTIALS = redis_accounts.CREDENTIALS
NAME = "redis"
"""What Sentinel calls the primary; clients that ask Sentinel need it."""
MEBIBYTE = 2**20
SENTINEL_SHARE = 0.1
"""Of the tier; it uses about 15 MB of memory."""
EVICTIONS = ("noeviction", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl")
SYNC = ("everysec", "always")


@dataclass(frozen=True)
class Settings:
    """What an inventory may say of Valkey; names and defaults as in roles/redis.

    :param directory: of the programs in the image.
    :param proxy_image: image of HAProxy, with its tag.
    :param proxy: path of HAProxy in the image.
    :param proxy_uid: user and group that it runs as.
    :param sync: when a write reaches the primary's disk: within a second, or before it is confirmed.
    :param eviction: which keys go when memory is full, of those with an expiry: the platform's own has none.
    :param memory_share: share of the memory limit that data may have.
    :param max_lag: seconds that a replica may be silent before the primary no longer counts on it.
    :param down_seconds: seconds without an answer after which a member counts as lost.
    :param wait_seconds: seconds that members which come back wait for one that does not.
    :param replica_lag: bytes that a replica may be behind before it is not ready for readers.
    :param parameters: further lines of valkey.conf.
    """

    directory: str = "/usr/local/bin"
    proxy_image: str = "docker.io/library/haproxy:3.2.26"
    proxy: str = "/usr/local/sbin/haproxy"
    proxy_uid: int = 99
    sync: str = "everysec"
    eviction: str = "volatile-lru"
    memory_share: float = 0.6
    max_lag: int = 4
    down_seconds: int = 5
    wait_seconds: int = 30
    replica_lag: int = MEBIBYTE
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Settings:
        """Settings of an inventory.

        :raises ValueError: one is unknown, is none of its choices, or two do not fit together.
        """
        settings = cls(**known(cls, "Valkey", given))
        check_share("memory_share", settings.memory_share)
        for name, choices in (("sync", SYNC), ("eviction", EVICTIONS)):
            if getattr(settings, name) not in choices:
                raise ValueError(
                    f"{name} is {getattr(settings, name)!r}, expected one of {', '.join(choices)}"
                )
        if not 1 <= settings.max_lag < settings.down_seconds:
            raise ValueError(
                f"max_lag is {settings.max_lag} s, expected at least 1 s and less than down_seconds ="
                f" {settings.down_seconds} s: a primary that is cut off must stop before another one begins"
            )
        return settings


def render(store: Store, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All objects of the store but its volumes and credentials."""
    settings = Settings.read(given)
    files = {
        "common.sh": redis_scripts.COMMON,
        "server.sh": redis_scripts.SERVER,
        "sentinel.sh": redis_scripts.WATCH,
        "ready.sh": redis_scripts.READY,
        "alive.sh": redis_scripts.ALIVE,
        "leave.sh": redis_scripts.LEAVE,
        "watching.sh": redis_scripts.WATCHING,
        "tick.lua": redis_scripts.TICK,
        "server.conf": _text(server(store, settings)),
        "sentinel.conf": _text(sentinel()),
    }
    clients, watching = {"redis": PORT}, {"sentinel": SENTINEL_PORT}
    every = {**clients, **watching}
    names = ("read", "sentinel")
    return [
        account(store),
        configuration(store, files),
        certificate(store, *(f"{store.name}-{name}" for name in names)),
        network.members(store, every),
        _near(network.service(store, clients, f"{store.name}-read")),
        network.service(store, watching, f"{store.name}-sentinel"),
        _let_in(store, network.network_policy(store, every, {}, clients)),
        budget(store),
        stateful_set(store, _containers(store, settings), files, stop_seconds=60),
        *redis_proxy.render(store, settings),
    ]


def _near(service: dict[str, Any]) -> dict[str, Any]:
    """Clients are led to what is in their own site, as long as there is one."""
    service["spec"]["trafficDistribution"] = "PreferSameZone"
    return service


def _let_in(store: Store, policy: dict[str, Any]) -> dict[str, Any]:
    """The proxies reach the members too."""
    proxies = [{"podSelector": {"matchLabels": redis_proxy.selector(store)}}]
    policy["spec"]["ingress"].append({"from": proxies, "ports": [{"protocol": "TCP", "port": PORT}]})
    return policy


def _containers(store: Store, settings: Settings) -> list[Container]:
    credentials = members_secret(store)
    own = store.member_address("$(MEMBER)")
    shared = {
        "HOME": HOME,
        "LC_ALL": "C.UTF-8",
        "CLI": f"{settings.directory}/valkey-cli",
        "DATA": DATA,
        "MEMBERS": " ".join(store.member_address(member) for member in store.members),
        "NAME": NAME,
        "OWN": own,
        "PORT": str(PORT),
        "SENTINEL_PORT": str(SENTINEL_PORT),
        "TLS": TLS,
    }
    secrets = {"VALKEYCLI_AUTH": (credentials, "admin"), "SENTINEL": (credentials, "sentinel")}
    others = {name.upper(): (credentials, name) for name in ("exporter", "proxy", "replica")}

    def run(script: str) -> dict[str, Any]:
        return {"exec": {"command": ["/bin/sh", f"{CONFIGURATION}/{script}.sh"]}}

    server_ = Container(
        name="redis",
        command=("/bin/sh", f"{CONFIGURATION}/server.sh"),
        data=DATA,
        ports={"redis": PORT},
        environment={
            **shared,
            "DOWN_SECONDS": str(settings.down_seconds),
            "EXPORTER_RULES": redis_accounts.EXPORTER,
            "LAG": str(settings.replica_lag),
            "LOOK": "1",
            "SENTINEL_RULES": redis_accounts.SENTINEL,
            "SERVER_PROGRAM": f"{settings.directory}/valkey-server",
            "WAIT": str(settings.wait_seconds),
        },
        fields={"MEMBER": "metadata.name"},
        secrets={**secrets, **others},
        writable={HOME: 16 * MEBIBYTE},
        probes={
            "readinessProbe": probe(run("ready"), 5, 3),
            "livenessProbe": probe(run("alive"), 10, 6),
            "lifecycle": {"preStop": run("leave")},
        },
        tier_share=1 - SENTINEL_SHARE,
    )
    watch = Container(
        name="sentinel",
        command=("/bin/sh", f"{CONFIGURATION}/sentinel.sh"),
        data=DATA,
        ports={"sentinel": SENTINEL_PORT},
        environment={
            **shared,
            "CLIENT_RULES": redis_accounts.CLIENT,
            "DOWN_AFTER": str(settings.down_seconds * 1000),
            "FAILOVER_TIMEOUT": str(settings.down_seconds * 1000),
            "FIRST": store.member_address(store.members[0]),
            "SENTINELS": " ".join(
                f"{store.member_address(member)}={identity(store, member)}" for member in store.members
            ),
            "SENTINEL_PROGRAM": f"{settings.directory}/valkey-sentinel",
        },
        fields={"MEMBER": "metadata.name"},
        secrets=secrets,
        writable={HOME: 16 * MEBIBYTE},
        probes={
            "readinessProbe": probe(run("watching"), 10, 3),
            "livenessProbe": probe(run("alive"), 10, 6),
        },
        tier_share=SENTINEL_SHARE,
    )
    return [server_, watch]


def server(store: Store, settings: Settings) -> dict[str, Any]:
    """The configuration that all members share, tuned by the memory of the store's tier."""
    memory = int(store.tier.memory_limit * (1 - SENTINEL_SHARE))
    backlog = min(max(memory // 32, 4 * MEBIBYTE), 256 * MEBIBYTE)
    return {
        **_tls(PORT),
        "unixsocket": f"{HOME}/server.sock",
        "unixsocketperm": 700,
        "aclfile": f"{DATA}/server/users.acl",
        "dir": f"{DATA}/server",
        # Users are bound to keys; a second database would have the same names once more.
        "databases": 1,
        "tls-replication": "yes",
        "primaryuser": "replica",
        "replica-announce-port": PORT,
        # Every write goes to a file first. Snapshots would be a second copy of what that has.
        "appendonly": "yes",
        "appendfsync": settings.sync,
        "save": '""',
        # After a power cut the last line may be half there.
        "aof-load-truncated": "yes",
        # A primary that nobody follows takes no writes.
        "min-replicas-to-write": 1,
        "min-replicas-max-lag": settings.max_lag,
        "repl-ping-replica-period": 1,
        "repl-timeout": 3 * settings.down_seconds,
        "repl-diskless-sync-delay": 0,
        "repl-backlog-size": backlog,
        "client-output-buffer-limit": f"replica {2 * backlog} {backlog} 60",
        "maxmemory": int(memory * settings.memory_share),
        "maxmemory-policy": settings.eviction,
        # Connections of clients that are gone are noticed within a minute.
        "tcp-keepalive": 30,
        **settings.parameters,
    }


def sentinel() -> dict[str, Any]:
    """What all Sentinels share; the rest comes from what each has learned."""
    return {
        **_tls(SENTINEL_PORT),
        "aclfile": f"{DATA}/sentinel/users.acl",
        "dir": HOME,
        "tls-replication": "yes",
        "sentinel resolve-hostnames": "yes",
        "sentinel announce-hostnames": "yes",
        "sentinel announce-port": SENTINEL_PORT,
    }


def _tls(port: int) -> dict[str, Any]:
    return {
        "port": 0,
        "tls-port": port,
        "protected-mode": "no",
        "tls-ca-cert-file": f"{TLS}/ca.crt",
        "tls-cert-file": f"{TLS}/tls.crt",
        "tls-key-file": f"{TLS}/tls.key",
        # A renewed certificate is taken within a minute.
        "tls-auto-reload-interval": 60,
        "tls-protocols": "TLSv1.3",
        # Clients have passwords.
        "tls-auth-clients": "no",
    }


def _text(lines: Mapping[str, Any]) -> str:
    return "".join(f"{key} {value}\n" for key, value in lines.items())


def identity(store: Store, member: str) -> str:
    """The number of a member's Sentinel, always the same: one whose volume was lost is no fourth one."""
    return hashlib.sha1(store.member_address(member).encode(), usedforsecurity=False).hexdigest()


def declare(
    store: Store,
    given: Mapping[str, Any],
    passwords: Mapping[str, str],
    execute: Execute,
    check: bool,
) -> list[str]:
    """Bring about the users of services, and say what that changed, or would.

    :param passwords: by service.
    :param execute: runs a command in a member.
    """
    return redis_accounts.adjust(store, _client(Settings.read(given)), passwords, execute, check)


def standings(
    store: Store, given: Mapping[str, Any], asked: str, execute: Execute
) -> tuple[dict[str, Standing], list[str]]:
    """How its members stand, as they and a Sentinel know it (see members.py)."""
    settings = Settings.read(given)
    client = _client(settings)
    return redis_members.standings(store, client, CONFIGURATION, settings.replica_lag, asked, execute)


def _client(settings: Settings) -> list[str]:
    """Runs, in a member, the lines that it reads."""
    program = f"{settings.directory}/valkey-cli"
    return [program, "-s", f"{HOME}/server.sock", "--user", "admin", "--no-auth-warning"]
