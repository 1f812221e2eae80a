"""Pods that use a store as a service does: with its labels, its access and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

IMAGE = "docker.io/nilecare/postgresql:18.6"


@dataclass(frozen=True)
class Client:
    """A service that declared a store.

    :param namespace: of the service.
    """

    store: str
    service: str
    namespace: str


def pod_of(
    client: Client,
    name: str,
    command: list[str],
    *,
    image: str = IMAGE,
    machine: str = "",
    uid: int = 999,
    scratch: bool = False,
) -> dict[str, Any]:
    """A pod that runs a program to its end, with the service's access below /access.

    :param machine: that it shall run on; any without it.
    :param scratch: whether the program may write to /tmp.
    """
    access = {
        "name": "access",
        "secret": {"secretName": f"{client.store}-{client.service}", "optional": True},
    }
    mounts = [{"name": "access", "mountPath": "/access"}]
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": uid,
            "runAsGroup": uid,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": [
            {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute"}
            for state in ("not-ready", "unreachable")
        ],
        "volumes": [access, {"name": "tmp", "emptyDir": {}}] if scratch else [access],
        "containers": [
            {
                "name": "client",
                "image": image,
                "command": command,
                "volumeMounts": [*mounts, {"name": "tmp", "mountPath": "/tmp"}] if scratch else mounts,
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }
    if machine:
        spec["nodeSelector"] = {"kubernetes.io/hostname": machine}
    # Stores speak TLS to clients in the mesh or not; without it the pod starts at once.
    labels = {"app": f"{client.service}-service", "track": "test", "sidecar.istio.io/inject": "false"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": client.namespace, "labels": labels},
        "spec": spec,
    }


def way_out(namespace: str, to: str, name: str) -> dict[str, Any]:
    """What the service's own policy would allow its pods: to reach the stores of a namespace."""
    target = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": to}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {"track": "test"}},
            "policyTypes": ["Egress"],
            "egress": [{"to": [target]}],
        },
    }
