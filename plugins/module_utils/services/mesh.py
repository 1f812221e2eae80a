# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A service in the mesh: how requests are routed to it, how long they may take, and who may send them.

All of it is rendered for the side that calls: a caller's proxy looks at the VirtualService and the
DestinationRule, the service's own proxy at the AuthorizationPolicy and the PeerAuthentication.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import HeaderRoute, Service
from .workload import metadata, selector

NETWORKING = "networking.istio.io/v1"
SECURITY = "security.istio.io/v1"
#: where injected proxies find their control plane
CONTROL_NAMESPACE = "istio-system"
#: pods are injected by the webhook that answers for this label of their namespace
REVISION = "istio.io/rev"
#: methods whose requests may be sent again without being done twice (RFC 9110, idempotent)
REPEATABLE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
#: what may be tried again whatever the method: the request was never begun
UNSENT = "connect-failure,refused-stream"


def mesh_objects(service: Service, split: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """All mesh objects of a service.

    :param split: of a delivery under way, or None. ``weights``: percent by host, which are names of Services
        in the same namespace; ``header`` and ``header_host``: requests that have this header with the value
        ``true`` go to that host, whatever the weights.
    :raises ValueError: weights do not add up to 100.
    """
    hosts = [service.object_name]
    if split:
        extra = [*split["weights"], *([split["header_host"]] if split.get("header") else [])]
        hosts = list(dict.fromkeys([*hosts, *extra]))
    return [
        virtual_service(service, split),
        *[destination_rule(service, host) for host in hosts],
        authorization_policy(service),
        *peer_authentications(service),
    ]


def virtual_service(service: Service, split: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Routes: by header first, the rest by weight; each once for repeatable methods and once for others."""
    rules = []
    for name, match, destinations in _routes(service, split):
        rules += [
            _rule(service, f"{name}-repeatable", {**match, "method": _methods()}, destinations, True),
            _rule(service, name, match, destinations, False),
        ]
    return {
        "apiVersion": NETWORKING,
        "kind": "VirtualService",
        "metadata": metadata(service),
        "spec": {"hosts": [service.dns_name], "http": rules},
    }


def _routes(
    service: Service, split: Mapping[str, Any] | None
) -> list[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    routes: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = []
    if split and split.get("header"):
        header = HeaderRoute(split["header"], "", value="true")
        routes.append((split["header"], _header(header), [_destination(service, split["header_host"])]))
    for route in service.mesh_rules.routes:
        target = _destination(service, service.object_name, route.subset)
        routes.append((f"{route.header}-{route.subset}", _header(route), [target]))
    if split:
        shares = [(_destination(service, host), weight) for host, weight in split["weights"].items()]
    else:
        own = service.mesh_rules.weights or {"": 100}
        shares = [(_destination(service, service.object_name, name), share) for name, share in own.items()]
    routes.append(("all", {}, _weighted(service, shares)))
    return routes


def _header(route: HeaderRoute) -> dict[str, Any]:
    kind = "exact" if route.value else "prefix" if route.prefix else "regex"
    return {"headers": {route.header: {kind: route.value or route.prefix or route.regex}}}


def _methods() -> dict[str, str]:
    return {"regex": "|".join(REPEATABLE)}


def _destination(service: Service, host: str, subset: str = "") -> dict[str, Any]:
    destination: dict[str, Any] = {
        "host": _address(service, host),
        "port": {"number": service.port},
    }
    if subset:
        destination["subset"] = subset
    return {"destination": destination}


def _address(service: Service, host: str) -> str:
    return f"{host}.{service.namespace}.svc.{service.surroundings.domain}"


def _weighted(service: Service, shares: list[tuple[dict[str, Any], int]]) -> list[dict[str, Any]]:
    total = sum(weight for _target, weight in shares)
    if total != 100 or any(weight < 0 for _target, weight in shares):
        raise ValueError(
            f"the weights of {service.object_name} add up to {total}, expected 100, none below 0"
        )
    chosen = [(target, weight) for target, weight in shares if weight]
    if len(chosen) == 1:
        return [chosen[0][0]]
    return [{**target, "weight": weight} for target, weight in chosen]


def _rule(
    service: Service,
    name: str,
    match: dict[str, Any],
    destinations: list[dict[str, Any]],
    repeatable: bool,
) -> dict[str, Any]:
    rules = service.mesh_rules
    rule: dict[str, Any] = {"name": name}
    if match:
        rule["match"] = [match]
    rule["route"] = destinations
    rule["timeout"] = f"{rules.timeout}s"
    retries: dict[str, Any] = {"attempts": rules.retries}
    if rules.retries and repeatable:
        retries.update(perTryTimeout=f"{rules.retry_seconds}s", retryOn=rules.retry_on)
    elif rules.retries:
        # No time limit of a single try: a request that was begun is never given up for another one.
        retries.update(retryOn=UNSENT)
    return {**rule, "retries": retries}


def destination_rule(service: Service, host: str = "") -> dict[str, Any]:
    """How many connections a caller may have, and when a pod that errs is left out."""
    rules = service.mesh_rules
    host = host or service.object_name
    spec: dict[str, Any] = {
        "host": _address(service, host),
        "trafficPolicy": {
            # Any pod of any site, as without a mesh: sites are of one city, and shares stay what they say.
            "loadBalancer": {"simple": "LEAST_REQUEST", "localityLbSetting": {"enabled": False}},
            "connectionPool": {
                "tcp": {"maxConnections": rules.connections, "connectTimeout": "2s"},
                "http": {
                    "http1MaxPendingRequests": rules.pending,
                    "http2MaxRequests": rules.requests,
                    "maxRequestsPerConnection": rules.requests_per_connection,
                    "maxRetries": rules.pending,
                },
            },
            "outlierDetection": {
                "consecutive5xxErrors": rules.errors,
                "interval": f"{rules.interval}s",
                "baseEjectionTime": f"{rules.ejection}s",
                "maxEjectionPercent": rules.ejected_percent,
                "minHealthPercent": rules.healthy_percent,
            },
        },
    }
    if rules.subsets and host == service.object_name:
        spec["subsets"] = [{"name": name, "labels": dict(labels)} for name, labels in rules.subsets.items()]
    return {
        "apiVersion": NETWORKING,
        "kind": "DestinationRule",
        "metadata": metadata(service, host),
        "spec": spec,
    }


def authorization_policy(service: Service) -> dict[str, Any]:
    """Only those who declared it may call, known by their certificates; anybody else gets 403."""
    around = service.surroundings
    http = [str(service.port)]
    rules: list[dict[str, Any]] = []
    if service.callers:
        # A service's pods run as the account of the service's own name.
        principals = [
            f"{around.domain}/ns/{peer.namespace}/sa/{peer.labels['app']}" for peer in service.callers
        ]
        rules.append(_allowed({"principals": principals}, http))
    if service.routes:
        rules.append(_allowed({"namespaces": [around.edge_namespace]}, http))
    if _outer_ports(service):
        ranges = {"ipBlocks": list(service.source_ranges)} if service.source_ranges else {}
        rules.append(_allowed(ranges, [str(port) for port in _outer_ports(service)]))
    return {
        "apiVersion": SECURITY,
        "kind": "AuthorizationPolicy",
        "metadata": metadata(service),
        "spec": {"selector": {"matchLabels": selector(service)}, "action": "ALLOW", "rules": rules},
    }


def _allowed(source: dict[str, Any], ports: list[str]) -> dict[str, Any]:
    rule: dict[str, Any] = {"to": [{"operation": {"ports": ports}}]}
    return {"from": [{"source": source}], **rule} if source else rule


def peer_authentications(service: Service) -> list[dict[str, Any]]:
    """Ports that machines outside of the cluster talk to take plain connections; all others are strict."""
    outer = _outer_ports(service)
    if not outer:
        return []
    return [
        {
            "apiVersion": SECURITY,
            "kind": "PeerAuthentication",
            "metadata": metadata(service),
            "spec": {
                "selector": {"matchLabels": selector(service)},
                "mtls": {"mode": "STRICT"},
                "portLevelMtls": {str(port): {"mode": "PERMISSIVE"} for port in outer},
            },
        }
    ]


def _outer_ports(service: Service) -> list[int]:
    if service.type not in ("NodePort", "LoadBalancer"):
        return []
    return [port.port for port in service.extra_ports] or [service.port]


def namespace_objects(name: str, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """A namespace's own rules: certificates on both sides of every connection, and nobody calls anybody
    whose own policy does not allow it."""
    around = {"namespace": name, "labels": dict(labels)}
    return [
        {
            "apiVersion": SECURITY,
            "kind": "PeerAuthentication",
            "metadata": {"name": "default", **around},
            "spec": {"mtls": {"mode": "STRICT"}},
        },
        {
            "apiVersion": SECURITY,
            "kind": "AuthorizationPolicy",
            "metadata": {"name": "default-deny", **around},
            "spec": {},
        },
    ]
