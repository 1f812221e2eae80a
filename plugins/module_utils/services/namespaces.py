# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Namespaces, and what is in them before any service is."""

from __future__ import annotations

from typing import Any

from . import mesh
from .model import CRITICALITIES, Namespace, Platform, Tier
from .network import NAMESPACE_NAME
from .quantities import cpu_text, memory_text

PART_OF = {"app.kubernetes.io/part-of": "nilecare"}
DEPLOYER = "nilecare-deployer"
_WRITE = ["get", "list", "watch", "create", "update", "patch", "delete"]
_READ = ["get", "list", "watch"]


def platform_objects(platform: Platform) -> list[dict[str, Any]]:
    """Everything that services find when they arrive: one set of objects."""
    objects = [*_priority_classes(), _deployer_role()]
    for namespace in platform.namespaces.values():
        objects.extend(namespace_objects(namespace, platform.tiers))
    return objects


def namespace_objects(namespace: Namespace, tiers: dict[str, Tier]) -> list[dict[str, Any]]:
    """One namespace with its quota, limits, default deny and permissions."""
    security = {
        f"pod-security.kubernetes.io/{mode}": namespace.pod_security for mode in ("enforce", "audit", "warn")
    }
    injected = {mesh.REVISION: namespace.mesh_revision} if namespace.mesh_revision else {}
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace.name, "labels": {**PART_OF, **security, **injected}},
        },
        _quota(namespace),
        *_limits(namespace, tiers),
        _policy(namespace, "default-deny", {"policyTypes": ["Ingress", "Egress"]}),
        _policy(namespace, "allow-dns", {"policyTypes": ["Egress"], "egress": [_dns()]}),
        *_bindings(namespace),
        *(mesh.namespace_objects(namespace.name, PART_OF) if injected else []),
    ]


def _in(namespace: Namespace, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": namespace.name, "labels": dict(PART_OF)}


def _quota(namespace: Namespace) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": _in(namespace, "quota"),
        "spec": {
            "hard": {
                "requests.cpu": cpu_text(namespace.cpu),
                "requests.memory": memory_text(namespace.memory),
                "requests.storage": memory_text(namespace.storage),
                "pods": str(namespace.pods),
            }
        },
    }


def _limits(namespace: Namespace, tiers: dict[str, Tier]) -> list[dict[str, Any]]:
    """A container that says nothing gets the smallest tier; none gets more than the largest."""
    if not tiers:
        return []
    smallest = min(tiers.values(), key=lambda tier: (tier.cpu_limit, tier.memory_limit))
    return [
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": _in(namespace, "limits"),
            "spec": {
                "limits": [
                    {
                        "type": "Container",
                        "defaultRequest": {
                            "cpu": cpu_text(smallest.cpu_request),
                            "memory": memory_text(smallest.memory_request),
                        },
                        "default": {
                            "cpu": cpu_text(smallest.cpu_limit),
                            "memory": memory_text(smallest.memory_limit),
                        },
                        "max": {
                            "cpu": cpu_text(max(tier.cpu_limit for tier in tiers.values())),
                            "memory": memory_text(max(tier.memory_limit for tier in tiers.values())),
                        },
                    }
                ]
            },
        }
    ]


def _policy(namespace: Namespace, name: str, rules: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _in(namespace, name),
        "spec": {"podSelector": {}, **rules},
    }


def _dns() -> dict[str, Any]:
    return {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: "kube-system"}},
                "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
            }
        ],
        "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
    }


def _bindings(namespace: Namespace) -> list[dict[str, Any]]:
    # Kubernetes' own role "view" shows everything but secrets.
    pairs = (("deployers", DEPLOYER, namespace.deployers), ("viewers", "view", namespace.viewers))
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": _in(namespace, name),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group} for group in groups
            ],
        }
        for name, role, groups in pairs
        if groups
    ]


def _deployer_role() -> dict[str, Any]:
    """What this collection needs to deploy a service, and nothing that gets into a running pod."""
    rules = [
        ([""], ["services", "serviceaccounts", "configmaps", "secrets"], _WRITE),
        (["apps"], ["deployments", "deployments/scale"], _WRITE),
        (["policy"], ["poddisruptionbudgets"], _WRITE),
        (["networking.k8s.io"], ["networkpolicies"], _WRITE),
        (["autoscaling"], ["horizontalpodautoscalers"], _WRITE),
        (["keda.sh"], ["scaledobjects"], _WRITE),
        (["networking.istio.io"], ["virtualservices", "destinationrules"], _WRITE),
        (["security.istio.io"], ["authorizationpolicies", "peerauthentications"], _WRITE),
        (["autoscaling.k8s.io"], ["verticalpodautoscalers"], _WRITE),
        (["coordination.k8s.io"], ["leases"], _WRITE),
        (["batch"], ["jobs"], _WRITE),
        (["apps"], ["replicasets"], [*_READ, "patch"]),
        ([""], ["pods", "pods/log", "events", "resourcequotas", "limitranges"], _READ),
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": DEPLOYER, "labels": dict(PART_OF)},
        "rules": [
            {"apiGroups": groups, "resources": names, "verbs": verbs} for groups, names, verbs in rules
        ],
    }


def _priority_classes() -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": f"nilecare-{name}", "labels": dict(PART_OF)},
            "value": value,
            "globalDefault": False,
            "description": f"Services of the platform that are {name}",
        }
        for name, value in CRITICALITIES.items()
    ]
