# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The pods of a service: Deployment, ServiceAccount, configuration and secrets.

Configuration and secrets carry a hash of their content in their names and never change. So a changed value is
a new pod template, which restarts the pods one by one, and an earlier version that is brought back finds the
configuration that it ran with.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .model import Peer, Service
from .quantities import cpu_text, memory_text

ZONE = "topology.kubernetes.io/zone"
HOSTNAME = "kubernetes.io/hostname"
# Seconds that pods of a node that is gone are waited for (Kubernetes' own default is 300): they come up
# elsewhere after this and the 40 s or so that the cluster takes to miss a node.
LOST_NODE_SECONDS = 30
# Seconds between two questions of the start-up probe (the seed's).
STARTUP_PERIOD = 5


def selector(service: Service) -> dict[str, str]:
    """The labels that pick the service's pods; they can never change."""
    return {"app": service.object_name}


def labels(service: Service) -> dict[str, str]:
    """The labels of every object of the service."""
    return {
        **selector(service),
        "app.kubernetes.io/name": service.name,
        "app.kubernetes.io/part-of": "nilecare",
    }


def metadata(service: Service, name: str = "") -> dict[str, Any]:
    """Metadata of one of the service's objects.

    :param name: the object's; the service's own without it.
    """
    return {"name": name or service.object_name, "namespace": service.namespace, "labels": labels(service)}


def service_account(service: Service) -> dict[str, Any]:
    """An identity without a token: services do not talk to the API server."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(service),
        "automountServiceAccountToken": False,
    }


def config_map(service: Service) -> dict[str, Any] | None:
    """The service's own environment variables, or None when it has none."""
    if not service.environment:
        return None
    data = dict(sorted(service.environment.items()))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(service, f"{service.object_name}-{_digest(data)}"),
        "immutable": True,
        "data": data,
    }


def secret(service: Service, secrets: Mapping[str, str]) -> dict[str, Any] | None:
    """The service's secret environment variables, or None when it has none."""
    if not secrets:
        return None
    data = {name: base64.b64encode(str(value).encode()).decode() for name, value in sorted(secrets.items())}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(service, f"{service.object_name}-{_digest(data)}"),
        "immutable": True,
        "type": "Opaque",
        "data": data,
    }


def _digest(data: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:8]


def deployment(service: Service, secrets: Mapping[str, str]) -> dict[str, Any]:
    """The Deployment; its number of pods is left out where an autoscaler owns it."""
    sources = [
        {kind: {"name": obj["metadata"]["name"]}}
        for kind, obj in (("configMapRef", config_map(service)), ("secretRef", secret(service, secrets)))
        if obj is not None
    ]
    spec: dict[str, Any] = {
        "revisionHistoryLimit": service.history,
        "progressDeadlineSeconds": service.deadline,
        "minReadySeconds": service.minimum_ready_seconds,
        "selector": {"matchLabels": selector(service)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": _pod_metadata(service), "spec": _pod(service, sources)},
    }
    if service.autoscaler == "none":
        spec["replicas"] = service.replicas.day
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(service), "spec": spec}


def _pod_metadata(service: Service) -> dict[str, Any]:
    if not service.mesh:
        return {"labels": labels(service)}
    mesh = {"sidecar.istio.io/inject": "true", "version": service.version[:63].strip("._-")}
    return {"labels": {**labels(service), **mesh}, "annotations": proxy_annotations(service)}


def proxy_annotations(service: Service) -> dict[str, str]:
    """What the mesh's injector reads of a pod, and its proxy's agent, which adds the service's own metrics to
    the proxy's: both are read at port 15020."""
    proxy = service.mesh_rules.proxy
    annotations = {
        "sidecar.istio.io/proxyCPU": cpu_text(proxy.cpu_request),
        "sidecar.istio.io/proxyCPULimit": cpu_text(proxy.cpu_limit),
        "sidecar.istio.io/proxyMemory": memory_text(proxy.memory_request),
        "sidecar.istio.io/proxyMemoryLimit": memory_text(proxy.memory_limit),
    }
    if service.metrics:
        annotations["prometheus.io/scrape"] = "true"
        annotations["prometheus.io/port"] = str(service.port)
        annotations["prometheus.io/path"] = "/metrics"
    return annotations


def _pod(service: Service, sources: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "serviceAccountName": service.object_name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "priorityClassName": f"nilecare-{service.criticality}",
        "terminationGracePeriodSeconds": service.stop_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": service.uid,
            "runAsGroup": service.uid,
            "fsGroup": service.uid,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": _spread(service),
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{state}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": LOST_NODE_SECONDS,
            }
            for state in ("not-ready", "unreachable")
        ],
        "containers": [_container(service, sources)],
        # The only place that can be written to; the root file system is read-only.
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }


def _spread(service: Service) -> list[dict[str, Any]]:
    """One pod a site before any site has two. Each version is counted by itself, so that an update is never
    held up by the pods that it replaces; nodes that are down are no place, so that the pods of a lost site
    may come up in the others."""
    common = {
        "labelSelector": {"matchLabels": selector(service)},
        "matchLabelKeys": ["pod-template-hash"],
        "maxSkew": 1,
        "nodeTaintsPolicy": "Honor",
    }
    return [
        {**common, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"},
        {**common, "topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway"},
    ]


def _container(service: Service, sources: list[dict[str, Any]]) -> dict[str, Any]:
    tier = service.tier
    ports = [{"name": "http", "containerPort": service.port, "protocol": "TCP"}]
    ports += [
        {"name": port.name, "containerPort": port.port, "protocol": port.protocol}
        for port in service.extra_ports
    ]
    container = {
        "name": service.object_name,
        "image": f"{service.image}:{service.version}",
        "imagePullPolicy": "IfNotPresent",
        "ports": ports,
        "env": environment(service),
        "resources": {
            "requests": {"cpu": cpu_text(tier.cpu_request), "memory": memory_text(tier.memory_request)},
            "limits": {"cpu": cpu_text(tier.cpu_limit), "memory": memory_text(tier.memory_limit)},
        },
        "startupProbe": _probe(
            service.probes.startup_path,
            periodSeconds=STARTUP_PERIOD,
            failureThreshold=-(-service.probes.startup_seconds // STARTUP_PERIOD),
        ),
        "livenessProbe": _probe(
            service.probes.liveness_path, initialDelaySeconds=30, periodSeconds=10, failureThreshold=3
        ),
        "readinessProbe": _probe(
            service.probes.readiness_path, initialDelaySeconds=10, periodSeconds=5, failureThreshold=3
        ),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": service.uid,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    if service.drain_seconds:
        # Requests still come until every node and proxy has heard that the pod is going.
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": service.drain_seconds}}}
    if sources:
        container["envFrom"] = sources
    return container


def _probe(path: str, **numbers: int) -> dict[str, Any]:
    # The seed's numbers; the time limit is Kubernetes' own (1 s) times two, for a machine under load.
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 2, **numbers}


def environment(service: Service) -> list[dict[str, Any]]:
    """What the platform tells every service (docs/service-contract.md)."""
    around = service.surroundings
    values = {
        "SERVICE_NAME": service.name,
        "PORT": str(service.port),
        "TZ": around.time_zone,
        "LANG": around.locale,
        "LC_ALL": around.locale,
        "JAEGER_AGENT_HOST": around.trace_agent,
        "JAEGER_AGENT_PORT": "6831",
        "JAEGER_SAMPLER_TYPE": "probabilistic",
        "JAEGER_SAMPLER_PARAM": f"{around.trace_ratio:g}",
        "OTEL_SERVICE_NAME": service.object_name,
        "OTEL_EXPORTER_OTLP_ENDPOINT": around.trace_collector,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": f"{around.trace_ratio:g}",
    }
    values.update({port.variable: str(port.port) for port in service.extra_ports})
    if not service.tracing:
        values["OTEL_SDK_DISABLED"] = "true"
    if service.readiness:
        values["SERVICE_DEPENDENCIES"] = ",".join(service.readiness)
    for peer in service.dependencies:
        values.update(_dependency(peer))
    fields = {
        "POD_NAME": "metadata.name",
        "POD_IP": "status.podIP",
        "NODE_NAME": "spec.nodeName",
        # Copied from the node's label by the API server.
        "ZONE": f"metadata.labels['{ZONE}']",
    }
    return [{"name": name, "value": value} for name, value in values.items()] + [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()
    ]


def _dependency(peer: Peer) -> dict[str, str]:
    prefix = peer.name.upper().replace("-", "_")
    if peer.is_service:
        return {f"{prefix}_URL": f"http://{peer.address}:{peer.ports['http']}"}
    return {f"{prefix}_HOST": peer.address, f"{prefix}_PORT": str(next(iter(peer.ports.values())))}
