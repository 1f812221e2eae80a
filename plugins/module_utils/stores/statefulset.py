# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The pods of a store: StatefulSet, account, configuration and the budget of disruptions.

Whatever the engine, pods run as nobody special with a root file system that cannot be written, each on the
machine that has its volume.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..services.quantities import cpu_text, memory_text
from ..services.workload import HOSTNAME, ZONE
from . import certificates
from .common import digest, labels, metadata, selector
from .model import Store

CONFIGURATION = "/etc/store"
"""Where containers see the files of the store's ConfigMap."""
DIGEST = "nilecare.sd/configuration"


@dataclass(frozen=True)
class Container:
    """What an engine runs.

    :param command: of the container; images' entrypoints are not used.
    :param data: where the volume is mounted; nowhere without it.
    :param reads_data: whether it can only look at what is there.
    :param ports: numbers by name.
    :param environment: texts by variable.
    :param fields: fields of the pod by variable, as ``metadata.name``.
    :param secrets: Secret and key by variable.
    :param writable: directories that are empty at each start, with the most bytes that they may have.
    :param shared: such directories that all containers see which name them.
    :param probes: ``startupProbe``, ``readinessProbe``, ``livenessProbe`` as Kubernetes writes them.
    :param tier_share: share of the tier that this container may use.
    """

    name: str
    command: tuple[str, ...]
    ports: Mapping[str, int]
    data: str = ""
    reads_data: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    writable: Mapping[str, int] = field(default_factory=dict)
    shared: Mapping[str, int] = field(default_factory=dict)
    probes: Mapping[str, Any] = field(default_factory=dict)
    image: str = ""
    tier_share: float = 1.0


def stateful_set(
    store: Store,
    containers: list[Container],
    files: Mapping[str, str],
    *,
    stop_seconds: int = 60,
    token: bool = False,
    parallel: bool = True,
) -> dict[str, Any]:
    """The members.

    :param files: content of the ConfigMap by file name; a change of it restarts the members one by one.
    :param stop_seconds: seconds that a member has to end.
    :param token: whether members talk to the API server.
    :param parallel: whether members start together; engines that look for each other need it.
    """
    pod = {
        "metadata": {"labels": labels(store), "annotations": {DIGEST: digest(dict(files))}},
        "spec": {
            "serviceAccountName": store.name,
            "automountServiceAccountToken": token,
            "enableServiceLinks": False,
            "priorityClassName": store.priority_class,
            "terminationGracePeriodSeconds": stop_seconds,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": store.uid,
                "runAsGroup": store.uid,
                "fsGroup": store.uid,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            # A name server that went down with its site must not hold up an election.
            "dnsConfig": {
                "options": [
                    {"name": "ndots", "value": "2"},
                    {"name": "timeout", "value": "1"},
                    {"name": "attempts", "value": "5"},
                ]
            },
            "topologySpreadConstraints": [
                spread(selector(store), ZONE, "DoNotSchedule"),
                spread(selector(store), HOSTNAME, "ScheduleAnyway"),
            ],
            # A member runs where its volume is, or nowhere: it waits for its machine.
            "tolerations": [
                {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute"}
                for state in ("not-ready", "unreachable")
            ],
            "containers": [_container(store, one) for one in containers],
            "volumes": [
                certificates.volume(store),
                {"name": "configuration", "configMap": {"name": f"{store.name}-configuration"}},
                *_writable_volumes(containers),
            ],
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(store),
        "spec": {
            "serviceName": f"{store.name}-members",
            "replicas": len(store.machines),
            "podManagementPolicy": "Parallel" if parallel else "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "selector": {"matchLabels": selector(store)},
            "template": pod,
            "volumeClaimTemplates": [_claim_template(store)],
        },
    }


def _claim_template(store: Store) -> dict[str, Any]:
    """Only the claims' name: they exist already, with their true size. A template can never be changed."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": store.storage_class,
            "volumeMode": "Filesystem",
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }


def without_privilege() -> dict[str, Any]:
    """A container's security context: it can neither get more rights nor write to its image."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def spread(chosen: Mapping[str, str], key: str, otherwise: str) -> dict[str, Any]:
    """Pods with these labels in equal numbers on nodes of each value of a label.

    :param otherwise: what becomes of a pod for which that cannot be.
    """
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": otherwise,
        "labelSelector": {"matchLabels": dict(chosen)},
    }


def _container(store: Store, container: Container) -> dict[str, Any]:
    tier, share = store.tier, container.tier_share
    environment = [
        *({"name": name, "value": value} for name, value in sorted(container.environment.items())),
        *(
            {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
            for name, (secret, key) in sorted(container.secrets.items())
        ),
    ]
    # Fields first: other variables may name them.
    own = [
        {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
        for name, path in sorted(container.fields.items())
    ]
    return {
        "name": container.name,
        "image": container.image or f"{store.image}:{store.version}",
        "command": list(container.command),
        "env": [*own, *environment],
        "ports": [
            {"name": name, "containerPort": port, "protocol": "TCP"} for name, port in container.ports.items()
        ],
        "resources": {
            "requests": {
                "cpu": cpu_text(int(tier.cpu_request * share)),
                "memory": memory_text(int(tier.memory_request * share) // 2**20 * 2**20),
            },
            "limits": {
                "cpu": cpu_text(int(tier.cpu_limit * share)),
                "memory": memory_text(int(tier.memory_limit * share) // 2**20 * 2**20),
            },
        },
        "securityContext": without_privilege(),
        "volumeMounts": [
            *_data_mount(container),
            certificates.mount(),
            {"name": "configuration", "mountPath": CONFIGURATION, "readOnly": True},
            *(
                {"name": _volume_name(container, path), "mountPath": path}
                for path in sorted(container.writable)
            ),
            *({"name": _shared_name(path), "mountPath": path} for path in sorted(container.shared)),
        ],
        **container.probes,
    }


def _data_mount(container: Container) -> list[dict[str, Any]]:
    if not container.data:
        return []
    read_only = {"readOnly": True} if container.reads_data else {}
    return [{"name": "data", "mountPath": container.data, **read_only}]


def _volume_name(container: Container, path: str) -> str:
    return f"{container.name}{path.replace('/', '-')}"


def _shared_name(path: str) -> str:
    return f"shared{path.replace('/', '-')}"


def _writable_volumes(containers: list[Container]) -> list[dict[str, Any]]:
    sizes = {
        _volume_name(one, path): size for one in containers for path, size in sorted(one.writable.items())
    }
    sizes |= {_shared_name(path): size for one in containers for path, size in sorted(one.shared.items())}
    return [{"name": name, "emptyDir": {"sizeLimit": memory_text(size)}} for name, size in sizes.items()]


def configuration(store: Store, files: Mapping[str, str]) -> dict[str, Any]:
    """The ConfigMap with the engine's files."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(store, f"{store.name}-configuration"),
        "data": dict(sorted(files.items())),
    }


def account(store: Store) -> dict[str, Any]:
    """The members' identity."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(store),
        "automountServiceAccountToken": False,
    }


def budget(store: Store) -> dict[str, Any]:
    """At most one member is taken away on purpose at a time, and only while the others are ready."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(store),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector(store)}},
    }


def probe(action: dict[str, Any], period: int, failures: int, timeout: int = 5) -> dict[str, Any]:
    """A probe as Kubernetes writes it; seconds, and times in a row."""
    return {**action, "periodSeconds": period, "failureThreshold": failures, "timeoutSeconds": timeout}
