# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How many pods there are: disruption budget and autoscalers."""

from __future__ import annotations

from typing import Any

from .model import Service
from .quantities import cpu_text, memory_text
from .workload import metadata, selector

PROMETHEUS = "http://prometheus.{namespace}.svc.{domain}:9090"
# The seed's: up at once, at most twofold in 30 s; down after five quiet minutes, at most by half in a minute.
BEHAVIOR: dict[str, Any] = {
    "scaleDown": {
        "stabilizationWindowSeconds": 300,
        "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
    },
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 30}],
    },
}


def disruption_budget(service: Service) -> dict[str, Any]:
    """One pod at a time may be taken away on purpose.

    The seed's minAvailable 2 would forbid every drain at night, when there are 2. A pod that is not ready
    anyway may always go: it serves nobody.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(service),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(service)},
        },
    }


def _target(service: Service) -> dict[str, str]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": service.object_name}


def _resource_targets(service: Service) -> dict[str, int]:
    targets = {"cpu": service.cpu_target, "memory": service.memory_target}
    return {name: targets[name] for name in ("cpu", "memory") if name in service.scaling_metrics}


def autoscalers(service: Service) -> list[dict[str, Any]]:
    """Whatever decides on the number and size of the pods."""
    objects = []
    if service.autoscaler == "hpa":
        objects.append(_horizontal(service))
    elif service.autoscaler == "keda":
        objects.append(_scaled_object(service))
    if service.vertical_resources:
        objects.append(_vertical(service))
    return objects


def _horizontal(service: Service) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(service),
        "spec": {
            "scaleTargetRef": _target(service),
            "minReplicas": service.replicas.day,
            "maxReplicas": service.replicas.maximum,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": name,
                        "target": {"type": "Utilization", "averageUtilization": percent},
                    },
                }
                for name, percent in _resource_targets(service).items()
            ],
            "behavior": BEHAVIOR,
        },
    }


def _scaled_object(service: Service) -> dict[str, Any]:
    around = service.surroundings
    triggers: list[dict[str, Any]] = [
        {"type": name, "metricType": "Utilization", "metadata": {"value": str(percent)}}
        for name, percent in _resource_targets(service).items()
    ]
    if "requests" in service.scaling_metrics:
        triggers.append(
            {
                "type": "prometheus",
                "metadata": {
                    "serverAddress": PROMETHEUS.format(
                        namespace=around.monitoring_namespace, domain=around.domain
                    ),
                    "query": f'sum(rate(http_requests_total{{namespace="{service.namespace}",'
                    f'service="{service.object_name}"}}[1m]))',
                    "threshold": str(service.request_target),
                },
            }
        )
    triggers.append(
        {
            "type": "cron",
            "metadata": {
                "timezone": around.time_zone,
                "start": _cron(service.hours.start),
                "end": _cron(service.hours.end),
                "desiredReplicas": str(service.replicas.day),
            },
        }
    )
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata(service),
        "spec": {
            "scaleTargetRef": {"name": service.object_name},
            "minReplicaCount": service.replicas.night,
            "maxReplicaCount": service.replicas.maximum,
            "advanced": {
                "horizontalPodAutoscalerConfig": {"name": service.object_name, "behavior": BEHAVIOR}
            },
            "triggers": triggers,
        },
    }


def _cron(time: str) -> str:
    hour, _colon, minute = time.partition(":")
    return f"{int(minute)} {int(hour)} * * *"


def _vertical(service: Service) -> dict[str, Any]:
    """Between the tier's request and four times its limit (the seed, medium: 250m to 2 CPU, 512Mi to 4Gi)."""
    tier = service.tier
    lowest = {"cpu": cpu_text(tier.cpu_request), "memory": memory_text(tier.memory_request)}
    highest = {"cpu": cpu_text(tier.cpu_limit * 4), "memory": memory_text(tier.memory_limit * 4)}
    wanted = [name for name in ("cpu", "memory") if name in service.vertical_resources]
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": metadata(service),
        "spec": {
            "targetRef": _target(service),
            "updatePolicy": {"updateMode": "Recreate"},
            "resourcePolicy": {
                "containerPolicies": [
                    {
                        "containerName": service.object_name,
                        "minAllowed": {name: lowest[name] for name in wanted},
                        "maxAllowed": {name: highest[name] for name in wanted},
                        "controlledResources": wanted,
                    }
                ]
            },
        },
    }
