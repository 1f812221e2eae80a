# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How a store is reached, and by whom: Services and NetworkPolicy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..services.model import Peer
from ..services.network import NAMESPACE_NAME
from .common import metadata, selector
from .model import Store

Ports = Mapping[str, int]


def members(store: Store, ports: Ports) -> dict[str, Any]:
    """The headless Service that gives every pod a name, also before it is ready: members look for each other
    to become so."""
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": selector(store),
        "ports": _ports(ports),
    }
    return _service(store, f"{store.name}-members", spec)


def service(
    store: Store, ports: Ports, name: str = "", labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A stable address for clients.

    :param name: the Service's; the store's own without it.
    :param labels: what the pods bear besides the store's own labels, as the role that they have.
    """
    spec = {"type": "ClusterIP", "selector": {**selector(store), **(labels or {})}, "ports": _ports(ports)}
    return _service(store, name, spec)


def service_without_selector(
    store: Store, ports: Ports, name: str = "", headless: bool = False
) -> dict[str, Any]:
    """An address whose endpoints somebody else writes: the engine itself."""
    spec: dict[str, Any] = {"type": "ClusterIP", "ports": _ports(ports)}
    if headless:
        spec["clusterIP"] = "None"
    if not ports:
        del spec["ports"]
    return _service(store, name, spec)


def _service(store: Store, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(store, name), "spec": spec}


def _ports(ports: Ports) -> list[dict[str, Any]]:
    return [
        {"name": name, "port": port, "targetPort": name, "protocol": "TCP"} for name, port in ports.items()
    ]


def network_policy(
    store: Store, clients: Ports, members: Ports, metrics: Ports, *, asks_api_servers: bool = False
) -> dict[str, Any]:
    """Callers that declared it reach the clients' ports, members each other, monitoring the metrics. All else
    is denied by the namespace's own policies, which allow name service too.

    :param clients: ports for the services that declared the store as a dependency.
    :param members: ports between the store's own pods, beside those of clients.
    :param asks_api_servers: whether members talk to the API servers.
    """
    own = {"podSelector": {"matchLabels": selector(store)}}
    inner = {**clients, **members}
    ingress = [{"from": [own], "ports": _numbers(inner)}]
    if store.callers:
        ingress.insert(0, {"from": [pods(peer) for peer in store.callers], "ports": _numbers(clients)})
    if metrics:
        watching = [{"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: store.monitoring_namespace}}}]
        ingress.append({"from": watching, "ports": _numbers(metrics)})
    egress: list[dict[str, Any]] = [{"to": [own], "ports": _numbers(inner)}]
    if asks_api_servers:
        # They are no pods, and their Service leads to this port of the machines.
        egress.append({"ports": [{"protocol": "TCP", "port": store.api_server_port}]})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(store),
        "spec": {
            "podSelector": {"matchLabels": selector(store)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }


def _numbers(ports: Ports) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports.values()]


def pods(peer: Peer) -> dict[str, Any]:
    """Pods of a peer, as policies name them."""
    return {
        "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: peer.namespace}},
        "podSelector": {"matchLabels": dict(peer.labels)} if peer.labels else {},
    }
