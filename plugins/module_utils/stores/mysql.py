# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""MySQL with Group Replication: one member writes, and a majority has every write before it is confirmed.

The group itself chooses who writes. Beside each server runs an agent, roles/mysql/files/mysql_agent: it takes
its member into the group, founds the group when there is none, and leads the writers' Service to whoever
writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import mysql_accounts, mysql_members, network
from .certificates import certificate
from .common import metadata
from .engines import check_share, known
from .execute import Execute
from .members import Standing
from .model import Store
from .mysql_server import AUTHORITIES, DATA, MEBIBYTE, PORT, REPLICATOR, RUN, SLOW_LOG, SOCKET, START, my_cnf
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

AGENT_PORT = 8008
CREDENTIALS = (REPLICATOR,)
CONSISTENCIES = ("EVENTUAL", "BEFORE_ON_PRIMARY_FAILOVER", "BEFORE", "AFTER", "BEFORE_AND_AFTER")
SERVER_SHARE = 0.9
"""Share of the tier that is the server's; the rest is the agent's."""


@dataclass(frozen=True)
class Settings:
    """What an inventory may say of MySQL; names and defaults as in roles/mysql.

    :param binaries, clients: directories of mysqld, and of mysql and mysqladmin, in the image.
    :param agent: image of the agent, with its tag.
    :param consistency: when a write is confirmed, as Group Replication names it.
    :param behind: transactions that may wait in a member before readers are not led to it.
    :param expel_seconds: seconds that a silent member still has, after five of suspicion.
    :param majority_seconds: seconds that a member without a majority waits before it leaves its group.
    :param buffer_share: share of the memory beyond the server's own needs that holds data.
    :param free_share: share of the volume that must be free, or the member leaves its group.
    :param binlog_hours: hours for which a member that is away can catch up without a copy.
    :param slow_seconds: seconds from which on a statement is logged; 0 for none.
    :param parameters: further lines of my.cnf.
    """

    binaries: str = "/usr/sbin"
    clients: str = "/usr/bin"
    agent: str = "docker.io/nilecare/mysql-agent:1.0.0"
    consistency: str = "AFTER"
    behind: int = 1000
    expel_seconds: int = 0
    majority_seconds: int = 10
    connections: int = 200
    buffer_share: float = 0.7
    free_share: float = 0.05
    binlog_hours: int = 72
    slow_seconds: float = 2.0
    time_zone: str = "+02:00"
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Settings:
        """Settings of an inventory.

        :raises ValueError: one is unknown, or is none that MySQL has.
        """
        settings = cls(**known(cls, "MySQL", given))
        check_share("buffer_share", settings.buffer_share)
        check_share("free_share", settings.free_share)
        if settings.consistency not in CONSISTENCIES:
            raise ValueError(
                f"consistency is {settings.consistency!r}, expected one of {', '.join(CONSISTENCIES)}"
            )
        if settings.majority_seconds < 1:
            raise ValueError("majority_seconds is 0: a member without a majority would wait for ever")
        return settings


def render(store: Store, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All objects of the store but its volumes and credentials."""
    settings = Settings.read(given)
    # No deep copy: what comes out of Ansible's templates cannot be copied so.
    files = {"my.cnf": my_cnf(store, server_memory(store), vars(settings)), "start.sh": START}
    clients, agents = {"mysql": PORT}, {"agent": AGENT_PORT}
    readers = f"{store.name}-read"
    return [
        account(store),
        *_rights(store),
        _lease(store),
        _writer(store),
        configuration(store, files),
        certificate(store, readers, *(f"{member}.{store.name}-members" for member in store.members)),
        network.members(store, {**clients, **agents}),
        network.service_without_selector(store, clients),
        # Whoever is ready, the one that writes too.
        network.service(store, clients, readers),
        network.network_policy(store, clients, agents, agents, asks_api_servers=True),
        budget(store),
        stateful_set(
            store, [_server(store, settings), _agent(store, settings)], files, stop_seconds=120, token=True
        ),
    ]


def server_memory(store: Store) -> int:
    """Bytes that a member's server may use."""
    return int(store.tier.memory_limit * SERVER_SHARE)


def members_domain(store: Store) -> str:
    """What follows a member's name in its address."""
    return f"{store.name}-members.{store.namespace}.svc.{store.domain}"


def _server(store: Store, settings: Settings) -> Container:
    ping = [f"{settings.clients}/mysqladmin", "--no-defaults", f"--socket={SOCKET}", "--user=root", "ping"]
    return Container(
        name="mysql",
        command=("/bin/sh", f"{CONFIGURATION}/start.sh", settings.binaries),
        data=DATA,
        ports={"mysql": PORT},
        environment={"DOMAIN": members_domain(store), "HOME": "/tmp", "LC_ALL": "C.UTF-8"},
        fields={"MEMBER": "metadata.name"},
        secrets={"REPLICATOR_PASSWORD": (members_secret(store), REPLICATOR)},
        writable={"/tmp": 16 * MEBIBYTE},
        shared={RUN: 64 * MEBIBYTE},
        tier_share=SERVER_SHARE,
        probes={
            # A large log is gone through after a crash, and a copy of another member takes its time.
            "startupProbe": probe({"exec": {"command": ping}}, 5, 360),
            "livenessProbe": probe({"exec": {"command": ping}}, 10, 6, 10),
        },
    )


def _agent(store: Store, settings: Settings) -> Container:
    def ask(path: str) -> dict[str, Any]:
        return {"httpGet": {"scheme": "HTTPS", "port": AGENT_PORT, "path": path}}

    return Container(
        name="agent",
        image=settings.agent,
        command=("python3", "-m", "mysql_agent"),
        data=DATA,
        reads_data=True,
        ports={"agent": AGENT_PORT},
        environment={
            "AGENT_PORT": str(AGENT_PORT),
            "AUTHORITIES": AUTHORITIES,
            "BEHIND": str(settings.behind),
            "DATA": DATA,
            "DOMAIN": members_domain(store),
            "FREE_SHARE": str(settings.free_share),
            "MEMBERS": ",".join(store.members),
            "NAMESPACE": store.namespace,
            "SLOW_LOG": SLOW_LOG,
            "SOCKET": SOCKET,
            "STORE": store.name,
        },
        fields={"MACHINE": "spec.nodeName", "MEMBER": "metadata.name", "POD_IP": "status.podIP"},
        secrets={"REPLICATOR_PASSWORD": (members_secret(store), REPLICATOR)},
        shared={RUN: 64 * MEBIBYTE},
        tier_share=1 - SERVER_SHARE,
        probes={
            "readinessProbe": probe(ask("/ready"), 5, 2),
            "livenessProbe": probe(ask("/live"), 30, 3),
        },
    )


def _lease(store: Store) -> dict[str, Any]:
    """Where agents write down who founded which group."""
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata(store)}


def _writer(store: Store) -> dict[str, Any]:
    """The writers' address, whose endpoint the agent of the member that writes fills in."""
    about = metadata(store, f"{store.name}-writer")
    about["labels"] = {
        **about["labels"],
        "kubernetes.io/service-name": store.name,
        "endpointslice.kubernetes.io/managed-by": "mysql-agent.nilecare.sd",
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": about,
        "addressType": "IPv4",
        "ports": [{"name": "mysql", "port": PORT, "protocol": "TCP"}],
    }


def _rights(store: Store) -> list[dict[str, Any]]:
    """What the agents may do: read and update these two objects, which are made with the store."""
    rules = [
        {
            "apiGroups": [group],
            "resources": [resource],
            "resourceNames": [name],
            "verbs": ["get", "update"],
        }
        for group, resource, name in (
            ("coordination.k8s.io", "leases", store.name),
            ("discovery.k8s.io", "endpointslices", f"{store.name}-writer"),
        )
    ]
    api = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata(store), "rules": rules},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": metadata(store),
            "roleRef": {"apiGroup": api, "kind": "Role", "name": store.name},
            "subjects": [{"kind": "ServiceAccount", "name": store.name, "namespace": store.namespace}],
        },
    ]


def declare(
    store: Store,
    given: Mapping[str, Any],
    passwords: Mapping[str, str],
    execute: Execute,
    check: bool,
) -> list[str]:
    """Bring about what services declared, and say what that changed, or would."""
    return mysql_accounts.adjust(store, Settings.read(given).clients, passwords, execute, check)


def standings(
    store: Store, given: Mapping[str, Any], asked: str, execute: Execute
) -> tuple[dict[str, Standing], list[str]]:
    """How its members stand, as one that is asked knows it (see members.py)."""
    settings = Settings.read(given)
    return mysql_members.standings(store, settings.clients, settings.behind, asked, execute)
