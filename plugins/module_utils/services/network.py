# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How a service is reached, and whom it may reach: Services and NetworkPolicy."""

from __future__ import annotations

from typing import Any

from .model import Peer, Service
from .workload import metadata, selector

NAMESPACE_NAME = "kubernetes.io/metadata.name"


def services(service: Service) -> list[dict[str, Any]]:
    """The name that others call, and for NodePort and LoadBalancer a second one, ``<name>-external``.

    The inner one never changes when a service is exposed; the outer one has the extra ports when there are
    any (HL7's MLLP is exposed without the HTTP port beside it), otherwise the HTTP port.
    """
    inner: dict[str, Any] = {"apiVersion": "v1", "kind": "Service", "metadata": metadata(service)}
    if service.type == "ExternalName":
        return [{**inner, "spec": {"type": "ExternalName", "externalName": service.external_name}}]
    http = _port("http", service.port)
    extra = [_port(port.name, port.port, port.protocol) for port in service.extra_ports]
    if service.mesh:
        # Without it a proxy waits for the first bytes, to guess what is spoken.
        extra = [{**port, "appProtocol": "tcp"} if port["protocol"] == "TCP" else port for port in extra]
    inner["spec"] = {"type": "ClusterIP", "selector": selector(service), "ports": [http, *extra]}
    if service.type == "ClusterIP":
        return [inner]
    return [inner, _external(service, extra or [http])]


def _external(service: Service, ports: list[dict[str, Any]]) -> dict[str, Any]:
    obj: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(service, f"{service.object_name}-external"),
        "spec": {"type": service.type, "selector": selector(service), "ports": ports},
    }
    if service.type == "NodePort":
        ports[0] = {**ports[0], "nodePort": service.node_port}
        return obj
    # The caller's own address reaches the pod, and policy can tell senders apart.
    obj["spec"]["externalTrafficPolicy"] = "Local"
    if service.source_ranges:
        obj["spec"]["loadBalancerSourceRanges"] = list(service.source_ranges)
    if service.load_balancer_address:
        obj["metadata"]["annotations"] = {"metallb.io/loadBalancerIPs": service.load_balancer_address}
    return obj


def _port(name: str, number: int, protocol: str = "TCP") -> dict[str, Any]:
    # By name, so that pods of two versions may listen on different ports.
    return {"name": name, "port": number, "targetPort": name, "protocol": protocol}


def network_policy(service: Service) -> dict[str, Any]:
    """Exactly the declared connections. Everything else is denied by the namespace's own policies, which
    allow name service too."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(service),
        "spec": {
            "podSelector": {"matchLabels": selector(service)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": _ingress(service),
            "egress": _egress(service),
        },
    }


def _ingress(service: Service) -> list[dict[str, Any]]:
    around = service.surroundings
    http = [{"protocol": "TCP", "port": "http"}]
    rules: list[dict[str, Any]] = []
    if service.callers:
        rules.append({"from": [_pods(peer) for peer in service.callers], "ports": http})
    if service.routes:
        rules.append({"from": [_namespace(around.edge_namespace)], "ports": http})
    if service.metrics:
        ports = [*http, {"protocol": "TCP", "port": 15020}] if service.mesh else http
        rules.append({"from": [_namespace(around.monitoring_namespace)], "ports": ports})
    if service.type in ("NodePort", "LoadBalancer"):
        outer = [{"protocol": p.protocol, "port": p.name} for p in service.extra_ports] or http
        ranges = service.source_ranges or ("0.0.0.0/0",)
        rules.append({"from": [{"ipBlock": {"cidr": network}} for network in ranges], "ports": outer})
    return rules


def _egress(service: Service) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    for peer in service.dependencies:
        # A service's port by name: during an update pods may listen on the old one and on the new one.
        ports: list[int | str] = ["http"] if peer.is_service else list(peer.ports.values())
        rules.append({"to": [_pods(peer)], "ports": [{"protocol": "TCP", "port": port} for port in ports]})
    if service.tracing:
        # OTLP over gRPC and HTTP, and Jaeger's agent (the collector takes that too).
        rules.append(
            {
                "to": [_namespace(service.surroundings.monitoring_namespace)],
                "ports": [
                    {"protocol": "TCP", "port": 4317},
                    {"protocol": "TCP", "port": 4318},
                    {"protocol": "UDP", "port": 6831},
                ],
            }
        )
    if service.mesh:
        control = {**_namespace("istio-system"), "podSelector": {"matchLabels": {"app": "istiod"}}}
        rules.append({"to": [control], "ports": [{"protocol": "TCP", "port": 15012}]})
    return rules


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: name}}}


def _pods(peer: Peer) -> dict[str, Any]:
    return {
        **_namespace(peer.namespace),
        "podSelector": {"matchLabels": dict(peer.labels)} if peer.labels else {},
    }
