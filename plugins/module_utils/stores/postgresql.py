# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""PostgreSQL, whose members Patroni leads: one writes, and answers only when a second one has it on its disk.

Patroni keeps its state in Endpoints of Kubernetes. That of the writers' Service holds the leader's lock and
its address in one object, so that no client is led to a member that lost the lock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import network, postgresql_accounts, postgresql_patroni
from .certificates import DIRECTORY as TLS
from .certificates import certificate
from .common import metadata
from .engines import known
from .execute import Execute
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

PORT = 5432
API_PORT = postgresql_patroni.API_PORT
#: how its members stand (see members.py); Patroni knows
standings = postgresql_patroni.standings
ROLE = "nilecare.sd/role"
"""Label that Patroni keeps on its pods: ``primary`` or ``replica``."""
DATA = "/var/lib/postgresql/data"
SOCKETS = postgresql_accounts.SOCKETS
#: accounts between the members; their passwords are in the Secret <store>-credentials
MEMBERS_ACCOUNTS = {"replication": "replicator", "rewind": "rewinder", "restapi": "patroni"}
CREDENTIALS = tuple(MEMBERS_ACCOUNTS.values())
MEBIBYTE = 2**20

# Tells Patroni, and it PostgreSQL, to read the certificate again when it was renewed.
START = f"""\
#!/bin/sh
set -u
read_at=$(cksum < {TLS}/tls.crt)
"$1" {CONFIGURATION}/patroni.yml &
patroni=$!
trap 'kill -TERM "$patroni"' TERM INT
while kill -0 "$patroni" 2> /dev/null; do
  sleep 5 &
  wait $!
  now=$(cksum < {TLS}/tls.crt)
  if [ "$now" != "$read_at" ]; then
    read_at=$now
    kill -HUP "$patroni"
  fi
done
wait "$patroni"
"""


@dataclass(frozen=True)
class Settings:
    """What an inventory may say of PostgreSQL; names and defaults as in roles/postgresql.

    :param binaries: directory of initdb, postgres and pg_rewind in the image.
    :param patroni: path of Patroni in the image.
    :param replica_lag: bytes that a replica may be behind before it is not ready for readers.
    :param ttl: seconds after which a leader that says nothing has lost its lock.
    :param loop_wait, retry_seconds: seconds between two looks, and for an answer of the API servers.
    :param strict: whether writes wait when no second member can confirm them.
    :param parameters: further parameters of PostgreSQL.
    """

    binaries: str = "/usr/lib/postgresql/18/bin"
    patroni: str = "/usr/bin/patroni"
    replica_lag: int = 16 * MEBIBYTE
    ttl: int = 20
    loop_wait: int = 5
    retry_seconds: int = 5
    strict: bool = True
    connections: int = 200
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Settings:
        """Settings of an inventory.

        :raises ValueError: one is unknown, or the times do not fit together.
        """
        settings = cls(**known(cls, "PostgreSQL", given))
        least = settings.loop_wait + 2 * settings.retry_seconds
        if settings.ttl < least:
            raise ValueError(
                f"ttl is {settings.ttl} s, expected at least loop_wait + 2 * retry_seconds = {least} s: "
                "a leader must be able to keep its lock"
            )
        return settings


def render(store: Store, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All objects of the store but its volumes and credentials."""
    settings = Settings.read(given)
    files = {"patroni.yml": json.dumps(patroni(store, settings), indent=2), "start.sh": START}
    clients, members, metrics = {"postgresql": PORT}, {"patroni": API_PORT}, {"patroni": API_PORT}
    states = [f"{store.name}-{name}" for name in ("config", "sync", "failover")]
    return [
        account(store),
        *_rights(store),
        configuration(store, files),
        certificate(store, f"{store.name}-replicas"),
        network.members(store, {**clients, **members}),
        network.service_without_selector(store, clients),
        network.service(store, clients, f"{store.name}-replicas", {ROLE: "replica"}),
        # Endpoints without a Service are swept away when a controller manager starts, and with them Patroni's
        # memory of who has every confirmed write.
        *(network.service_without_selector(store, {}, name, headless=True) for name in states),
        network.network_policy(store, clients, members, metrics, asks_api_servers=True),
        budget(store),
        stateful_set(store, [_container(store, settings)], files, stop_seconds=120, token=True),
    ]


def _container(store: Store, settings: Settings) -> Container:
    credentials = members_secret(store)
    own = store.member_address("$(PATRONI_NAME)")
    api: dict[str, Any] = {"scheme": "HTTPS", "port": API_PORT}

    def ask(path: str) -> dict[str, Any]:
        return {"httpGet": {**api, "path": path}}

    secrets = {}
    for account_, user in MEMBERS_ACCOUNTS.items():
        secrets[f"PATRONI_{account_.upper()}_PASSWORD"] = (credentials, user)
    return Container(
        name="postgresql",
        command=("/bin/sh", f"{CONFIGURATION}/start.sh", settings.patroni),
        data=DATA,
        ports={"postgresql": PORT, "patroni": API_PORT},
        environment={
            "HOME": "/tmp",
            "LC_ALL": "C.UTF-8",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"{own}:{PORT}",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"{own}:{API_PORT}",
            **{f"PATRONI_{name.upper()}_USERNAME": user for name, user in MEMBERS_ACCOUNTS.items()},
        },
        fields={"PATRONI_NAME": "metadata.name", "PATRONI_KUBERNETES_POD_IP": "status.podIP"},
        secrets=secrets,
        writable={"/tmp": 64 * MEBIBYTE, SOCKETS: MEBIBYTE},
        probes={
            # A first copy of a large database takes its time; Patroni answers meanwhile.
            "startupProbe": probe(ask("/liveness"), 2, 60),
            "livenessProbe": probe(ask("/liveness"), 10, 6),
            "readinessProbe": probe(ask(f"/readiness?lag={settings.replica_lag}&mode=apply"), 5, 3),
        },
    )


def patroni(store: Store, settings: Settings) -> dict[str, Any]:
    """Patroni's configuration; what differs from member to member is in the environment."""
    replicated = {"sslmode": "verify-full", "sslrootcert": f"{TLS}/ca.crt"}
    own_certificate = {"certfile": f"{TLS}/tls.crt", "keyfile": f"{TLS}/tls.key"}
    return {
        "scope": store.name,
        "kubernetes": {
            "namespace": store.namespace,
            "labels": {"app.kubernetes.io/component": "store"},
            "scope_label": "app",
            "role_label": ROLE,
            "leader_label_value": "primary",
            "use_endpoints": True,
            # Another API server is asked at once when one went down with its site.
            "bypass_api_service": True,
            "ports": [{"name": "postgresql", "port": PORT}],
        },
        "restapi": {
            "listen": f"0.0.0.0:{API_PORT}",
            **own_certificate,
            "cafile": f"{TLS}/ca.crt",
            # Probes and Prometheus have no certificate; whoever wants to change something needs one.
            "verify_client": "optional",
        },
        "ctl": {**own_certificate, "cacert": f"{TLS}/ca.crt"},
        "bootstrap": {
            "dcs": dynamic(settings),
            "initdb": [
                {"encoding": "UTF8"},
                {"locale-provider": "builtin"},
                {"builtin-locale": "C.UTF-8"},
                "data-checksums",
                {"auth-local": "peer"},
                {"auth-host": "scram-sha-256"},
            ],
        },
        "postgresql": {
            "listen": f"0.0.0.0:{PORT}",
            "data_dir": f"{DATA}/pgdata",
            "bin_dir": settings.binaries,
            "pgpass": "/tmp/pgpass",
            "use_unix_socket": True,
            # A member looks at its own log in the way of replication; its certificate is not for localhost.
            "use_unix_socket_repl": True,
            "authentication": {
                # No password: it comes in by the socket of its own pod, and from nowhere else.
                "superuser": {"username": "postgres"},
                "replication": dict(replicated),
                "rewind": dict(replicated),
            },
            "parameters": parameters(store, settings),
            "pg_hba": access_rules(),
        },
    }


def dynamic(settings: Settings) -> dict[str, Any]:
    """What Patroni keeps in the cluster and all members share."""
    return {
        "loop_wait": settings.loop_wait,
        "ttl": settings.ttl,
        "retry_timeout": settings.retry_seconds,
        # One of the others must have a write before it is confirmed, whichever is quicker.
        "synchronous_mode": "quorum",
        "synchronous_mode_strict": settings.strict,
        "synchronous_node_count": 1,
        # While no API server answers, a leader goes on as long as all members agree.
        "failsafe_mode": True,
        "maximum_lag_on_failover": MEBIBYTE,
        "primary_start_timeout": 60,
        "postgresql": {
            "use_pg_rewind": True,
            "use_slots": True,
            "parameters": {
                "max_connections": settings.connections,
                "max_wal_senders": 10,
                "max_replication_slots": 10,
                "wal_level": "replica",
                "hot_standby": True,
            },
        },
    }


def parameters(store: Store, settings: Settings) -> dict[str, Any]:
    """PostgreSQL's own, tuned by the memory of the store's tier: a quarter for its buffers."""
    memory = store.tier.memory_limit
    megabytes = memory // MEBIBYTE
    return {
        "shared_buffers": f"{megabytes // 4}MB",
        "effective_cache_size": f"{megabytes // 2}MB",
        "maintenance_work_mem": f"{max(megabytes // 16, 8)}MB",
        "work_mem": f"{max(megabytes // 4 // settings.connections, 1)}MB",
        # A tenth of the volume each: what is written since the last checkpoint, and what a member that is
        # away may still fetch. Beyond it the member is copied anew, rather than the volume fills up.
        "max_wal_size": f"{max(store.size // 10 // MEBIBYTE, 64)}MB",
        "min_wal_size": "32MB",
        "max_slot_wal_keep_size": f"{max(store.size // 10 // MEBIBYTE, 64)}MB",
        "wal_log_hints": True,
        "wal_compression": "on",
        "synchronous_commit": "on",
        "unix_socket_directories": SOCKETS,
        "password_encryption": "scram-sha-256",
        "ssl": True,
        "ssl_cert_file": f"{TLS}/tls.crt",
        "ssl_key_file": f"{TLS}/tls.key",
        "ssl_ca_file": f"{TLS}/ca.crt",
        "ssl_min_protocol_version": "TLSv1.3",
        "logging_collector": False,
        "log_destination": "stderr",
        "log_connections": False,
        "log_checkpoints": True,
        "log_lock_waits": True,
        "log_timezone": "UTC",
        # Connections of clients that are gone are noticed within a minute.
        "tcp_keepalives_idle": 30,
        "tcp_keepalives_interval": 10,
        "tcp_keepalives_count": 3,
        # A replica that a network cut off is noticed as soon as a leader would be.
        "wal_sender_timeout": f"{settings.ttl}s",
        "wal_receiver_timeout": f"{settings.ttl}s",
        **settings.parameters,
    }


def access_rules() -> list[str]:
    """Who may log in how: the superuser only from its own pod, all others with TLS and a password."""
    members = MEMBERS_ACCOUNTS
    return [
        "local all postgres peer",
        f"local replication {members['replication']} scram-sha-256",
        f"hostssl replication {members['replication']} all scram-sha-256",
        f"hostssl postgres {members['rewind']} all scram-sha-256",
        "hostssl all postgres all reject",
        "hostssl all all all scram-sha-256",
    ]


def declare(
    store: Store,
    given: Mapping[str, Any],
    passwords: Mapping[str, str],
    execute: Execute,
    check: bool,
) -> list[str]:
    """Bring about Patroni's shared settings and what services declared; say what that changed, or would."""
    settings = Settings.read(given)
    changes = postgresql_patroni.adjust(store, dynamic(settings), execute, check)
    return changes + postgresql_accounts.adjust(store, settings.binaries, passwords, execute, check)


def _rights(store: Store) -> list[dict[str, Any]]:
    """What Patroni may do: its state in Endpoints, its role on pods, and where the API servers are."""
    rules = [
        {"apiGroups": [""], "resources": ["endpoints"], "verbs": ["create", "list", "watch"]},
        {
            "apiGroups": [""],
            "resources": ["endpoints"],
            "resourceNames": [
                store.name,
                *(f"{store.name}-{name}" for name in ("config", "sync", "failover", "history")),
            ],
            "verbs": ["get", "patch", "update", "delete"],
        },
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
        {
            "apiGroups": [""],
            "resources": ["pods"],
            "resourceNames": list(store.members),
            "verbs": ["get", "patch"],
        },
    ]
    servers = [
        {"apiGroups": [""], "resources": ["endpoints"], "resourceNames": ["kubernetes"], "verbs": ["get"]}
    ]
    return [
        _role(store, rules, store.name),
        _binding(store, store.name),
        _role(store, servers, f"{store.name}-api-servers", "default"),
        _binding(store, f"{store.name}-api-servers", "default"),
    ]


def _role(store: Store, rules: list[dict[str, Any]], name: str, namespace: str = "") -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {**metadata(store, name), "namespace": namespace or store.namespace},
        "rules": rules,
    }


def _binding(store: Store, name: str, namespace: str = "") -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {**metadata(store, name), "namespace": namespace or store.namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": store.name, "namespace": store.namespace}],
    }
