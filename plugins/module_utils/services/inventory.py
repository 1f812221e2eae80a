# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""From inventory variables to the model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from .model import (
    Finding,
    HeaderRoute,
    Hours,
    MeshRules,
    Namespace,
    Peer,
    Platform,
    Port,
    Probes,
    Replicas,
    Route,
    Service,
    Surroundings,
    Tier,
)
from .quantities import byte_count, millicores
from .specification import convert, unknown
from .terms import Terms, read_terms

_TIME = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")
_TIER_FIELDS = ("cpu_request", "cpu_limit", "memory_request", "memory_limit")


@dataclass
class Host:
    """An inventory host that stands for a service.

    :param variables: its variables whose names begin with ``service_`` or ``namespaces_``, templated.
    :param groups: names of the groups that it is in.
    :param failures: what went wrong while a variable was templated, by variable.
    """

    name: str
    variables: Mapping[str, Any]
    groups: tuple[str, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)


def read_platform(
    hosts: list[Host], options: Mapping[str, Any], zones: int = 3
) -> tuple[Platform, list[Finding]]:
    """Read every service and namespace of an inventory.

    :param options: the options of roles service and namespaces, from their argument_specs.yml.
    :param zones: number of sites.
    :returns: the platform as far as it could be read, and every error that was met.
    """
    findings: list[Finding] = []
    values = {host.name: _convert_host(host, options, findings) for host in hosts}
    placed = _place(hosts, values, findings)
    namespaces = _read_namespaces(hosts, values, placed, findings)
    tiers: dict[str, Tier] = {}
    services: dict[str, Service] = {}
    for host in hosts:
        if host.name in placed:
            service = _read_service(host.name, placed[host.name], values[host.name], tiers, findings)
            if service is not None:
                services[host.name] = service
    return Platform(_connect(services, values, findings), namespaces, tiers, zones), findings


def _convert_host(host: Host, options: Mapping[str, Any], findings: list[Finding]) -> dict[str, Any]:
    converted = {}
    for key, message in host.failures.items():
        findings.append(Finding(host.name, key, message))
    for key, value in host.variables.items():
        if key not in options:
            findings.append(Finding(host.name, key, unknown(key, options)))
        else:
            converted[key] = convert(host.name, key, value, options[key], findings)
    if "service_port" not in host.variables and host.variables.get("service_type") != "ExternalName":
        findings.append(Finding(host.name, "service_port", "is missing: every service has a port of its own"))
    return converted


def _place(
    hosts: list[Host], values: Mapping[str, Mapping[str, Any]], findings: list[Finding]
) -> dict[str, str]:
    placed = {}
    for host in hosts:
        known = values[host.name].get("service_namespaces") or []
        own = [group for group in host.groups if group in known]
        if len(own) == 1:
            placed[host.name] = own[0]
        else:
            found = f"in {' and '.join(sorted(own))}" if own else "in none"
            findings.append(Finding(host.name, "", f"is {found}, expected one group of {', '.join(known)}"))
    return placed


def _read_namespaces(
    hosts: list[Host],
    values: Mapping[str, Mapping[str, Any]],
    placed: Mapping[str, str],
    findings: list[Finding],
) -> dict[str, Namespace]:
    namespaces: dict[str, Namespace] = {}
    facts: dict[str, tuple[str, dict[str, Any]]] = {}
    for host in hosts:
        name = placed.get(host.name)
        if name is None:
            continue
        own = {key: value for key, value in values[host.name].items() if key.startswith("namespaces_")}
        if name not in facts:
            facts[name] = (host.name, own)
            namespace = read_namespace(name, own, findings)
            if namespace is not None:
                namespaces[name] = namespace
            continue
        first, expected = facts[name]
        for key in sorted(set(own) | set(expected)):
            if own.get(key) != expected.get(key):
                findings.append(
                    Finding(
                        host.name, key, f"differs from {first}'s: set it for the group {name}, not for a host"
                    )
                )
    return namespaces


def read_namespace(name: str, values: Mapping[str, Any], findings: list[Finding]) -> Namespace | None:
    quota = values.get("namespaces_quota")
    if quota is None:
        if "namespaces_quota" not in values:
            findings.append(Finding(name, "namespaces_quota", "is missing in the group's variables"))
        return None
    scale = values.get("namespaces_quota_scale") or 1.0
    if not 0 < scale <= 1:
        findings.append(
            Finding(name, "namespaces_quota_scale", f"is {scale}, expected above 0 and at most 1")
        )
        scale = 1.0
    amounts = {}
    for key, read in (("cpu", millicores), ("memory", byte_count), ("storage", byte_count)):
        try:
            amounts[key] = read(quota[key])
        except ValueError as error:
            findings.append(Finding(name, f"namespaces_quota.{key}", str(error)))
    if len(amounts) < 3:
        return None
    return Namespace(
        name=name,
        cpu=int(amounts["cpu"] * scale),
        # Whole mebibytes, so that the API server writes the number as we do.
        memory=int(amounts["memory"] * scale) // 2**20 * 2**20,
        storage=amounts["storage"],
        pods=quota["pods"],
        pod_security=values.get("namespaces_pod_security") or "restricted",
        callers=tuple(dict.fromkeys([name, *(values.get("namespaces_callers") or [])])),
        mesh_revision=values.get("namespaces_mesh_revision") or "",
        deployers=tuple(values.get("namespaces_deployer_groups") or []),
        viewers=tuple(values.get("namespaces_viewer_groups") or []),
    )


def read_amounts(host: str, place: str, entry: Any, findings: list[Finding]) -> dict[str, int] | None:
    """CPU and memory, requests and limits, of a tier or of a proxy."""
    if not isinstance(entry, Mapping) or set(entry) != set(_TIER_FIELDS):
        findings.append(Finding(host, place, f"expected exactly {', '.join(_TIER_FIELDS)}"))
        return None
    amounts = {}
    for key in _TIER_FIELDS:
        try:
            amounts[key] = millicores(entry[key]) if key.startswith("cpu") else byte_count(entry[key])
        except ValueError as error:
            findings.append(Finding(host, f"{place}.{key}", str(error)))
    if len(amounts) < len(_TIER_FIELDS):
        return None
    for kind in ("cpu", "memory"):
        if amounts[f"{kind}_request"] > amounts[f"{kind}_limit"]:
            findings.append(Finding(host, f"{place}.{kind}_request", "is above the limit"))
    return amounts


def _read_tier(
    host: str, values: Mapping[str, Any], tiers: dict[str, Tier], findings: list[Finding]
) -> Tier | None:
    name, defined = values.get("service_tier"), values.get("service_tiers") or {}
    if name is None:
        return None
    if name not in defined:
        findings.append(
            Finding(
                host, "service_tier", f"is {name!r}, expected one of {', '.join(sorted(defined)) or 'none'}"
            )
        )
        return None
    amounts = read_amounts(host, f"service_tiers.{name}", defined[name], findings)
    if amounts is None:
        return None
    tier = Tier(name, **amounts)
    tiers.setdefault(name, tier)
    return tier


def _read_mesh_rules(host: str, values: Mapping[str, Any], findings: list[Finding]) -> MeshRules:
    """What is not said has the model's default; a longer time limit of a route holds in the mesh too."""
    given = {**(values.get("service_mesh_requests") or {}), **(values.get("service_mesh_outliers") or {})}
    routes = values.get("service_routes") or []
    longest = max([route.get("timeout") or 0 for route in routes], default=0)
    usual = MeshRules()
    timeout = given.pop("timeout", max(usual.timeout, longest))
    # Who is allowed to take long is not given up for another try.
    seconds = given.pop("retry_seconds", usual.retry_seconds if timeout <= usual.timeout else timeout)
    amounts = usual.proxy
    if values.get("service_mesh_proxy"):
        read = read_amounts(host, "service_mesh_proxy", values["service_mesh_proxy"], findings)
        amounts = Tier("proxy", **read) if read else amounts
    return MeshRules(
        timeout=timeout,
        retry_seconds=seconds,
        subsets={
            name: {key: str(text) for key, text in labels.items()} if isinstance(labels, Mapping) else {}
            for name, labels in (values.get("service_mesh_subsets") or {}).items()
        },
        weights=dict(values.get("service_mesh_weights") or {}),
        routes=tuple(HeaderRoute(**route) for route in values.get("service_mesh_routes") or ()),
        proxy=amounts,
        **given,
    )


def _read_hours(host: str, text: str | None, findings: list[Finding]) -> Hours | None:
    if text is None:
        return None
    start, _dash, end = text.partition("-")
    if not (_TIME.match(start) and _TIME.match(end) and start < end):
        findings.append(
            Finding(host, "service_hours", f"is {text!r}, expected HH:MM-HH:MM with the start before the end")
        )
        return None
    return Hours(start, end)


def _read_service(
    host: str, namespace: str, values: Mapping[str, Any], tiers: dict[str, Tier], findings: list[Finding]
) -> Service | None:
    before = len(findings)
    tier = _read_tier(host, values, tiers, findings)
    mesh_rules = _read_mesh_rules(host, values, findings)
    hours = _read_hours(host, values.get("service_hours"), findings)

    def value(key: str) -> Any:
        return values.get(f"service_{key}")

    needed = ("replicas", "replicas_night", "replicas_maximum", "image", "version", "type", "criticality")
    if tier is None or hours is None or len(findings) > before or any(value(key) is None for key in needed):
        return None
    if value("port") is None and value("type") != "ExternalName":
        return None
    optional = {
        key: value(key)
        for key in (
            "node_port",
            "external_name",
            "load_balancer_address",
            "autoscaler",
            "cpu_target",
            "memory_target",
            "request_target",
            "metrics",
            "tracing",
            "mesh",
            "deadline",
            "drain_seconds",
            "stop_seconds",
            "minimum_ready_seconds",
            "history",
            "uid",
        )
        if value(key) is not None
    }
    return Service(
        name=host,
        object_name=f"{host}-service",
        namespace=namespace,
        image=value("image"),
        version=value("version"),
        port=value("port") or 0,
        tier=tier,
        criticality=value("criticality"),
        replicas=Replicas(value("replicas"), value("replicas_night"), value("replicas_maximum")),
        hours=hours,
        strategy=value("strategy") or "rolling",
        type=value("type"),
        surroundings=Surroundings(
            time_zone=value("time_zone") or "UTC",
            locale=value("locale") or "C.UTF-8",
            domain=value("cluster_domain") or "cluster.local",
            edge_namespace=value("edge_namespace") or "edge",
            monitoring_namespace=value("monitoring_namespace") or "monitoring",
            trace_agent=value("trace_agent") or "",
            trace_collector=value("trace_collector") or "",
            trace_ratio=value("trace_ratio") or 0.0,
        ),
        probes=Probes(
            value("startup_path") or "/health/startup",
            value("liveness_path") or "/health",
            value("readiness_path") or "/health/ready",
            value("startup_seconds") or 150,
        ),
        source_ranges=tuple(value("source_ranges") or ()),
        extra_ports=tuple(Port(**port) for port in value("extra_ports") or ()),
        routes=tuple(Route(**{"host": value("domain") or "", **route}) for route in value("routes") or ()),
        environment={key: _text(entry) for key, entry in (value("environment") or {}).items()},
        secret_names=tuple(sorted(value("secrets") or {})),
        delivery=_read_terms(values),
        scaling_metrics=tuple(value("scaling_metrics") or ()),
        vertical_resources=tuple(value("vertical_resources") or ()),
        mesh_rules=mesh_rules,
        **optional,
    )


def _read_terms(values: Mapping[str, Any]) -> Terms:
    named = {entry.name: values.get(f"service_delivery_{entry.name}") for entry in fields(Terms)}
    return read_terms(**{name: value for name, value in named.items() if value is not None})


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _store(host: str, name: str, entry: Any, domain: str, findings: list[Finding]) -> Peer | None:
    try:
        namespace, port = str(entry["namespace"]), int(entry["port"])
    except (KeyError, TypeError, ValueError):
        findings.append(
            Finding(host, f"service_stores.{name}", "expected at least namespace and port (a number)")
        )
        return None
    return Peer(
        name=name,
        namespace=namespace,
        labels=dict(entry.get("labels", {"app": name})),
        address=entry.get("address", f"{name}.{namespace}.svc.{domain}"),
        ports={name: port},
        is_service=False,
    )


def _connect(
    services: dict[str, Service], values: Mapping[str, Mapping[str, Any]], findings: list[Finding]
) -> dict[str, Service]:
    """Give every service the addresses of what it calls, and the names of who calls it."""
    called_by: dict[str, list[Peer]] = {name: [] for name in services}
    dependencies: dict[str, list[Peer]] = {name: [] for name in services}
    for name, service in services.items():
        stores = values[name].get("service_stores") or {}
        listed = values[name].get("service_dependencies") or []
        for index, other in enumerate(listed):
            key = f"service_dependencies[{index}]"
            if other == name:
                findings.append(Finding(name, key, "is the service itself"))
            elif other in listed[:index]:
                findings.append(Finding(name, key, f"names {other} a second time"))
            elif other in services:
                target = services[other]
                dependencies[name].append(
                    Peer(
                        other,
                        target.namespace,
                        {"app": target.object_name},
                        target.dns_name,
                        {"http": target.port},
                    )
                )
                called_by[other].append(Peer(name, service.namespace, {"app": service.object_name}))
            elif other in stores:
                store = _store(name, other, stores[other], service.surroundings.domain, findings)
                if store is not None:
                    dependencies[name].append(store)
            elif other not in values:
                near = unknown(other, [*values, *stores])
                findings.append(
                    Finding(
                        name, key, f"{other!r} {near.replace('is unknown', 'is no service and no store')}"
                    )
                )
    connected = {}
    for name, service in services.items():
        by_name = {peer.name: peer for peer in dependencies[name]}
        readiness: list[str] = []
        for index, other in enumerate(values[name].get("service_readiness") or []):
            if other in by_name:
                peer = by_name[other]
                readiness.extend(f"{peer.address}:{port}" for port in peer.ports.values())
            else:
                findings.append(
                    Finding(name, f"service_readiness[{index}]", f"{other!r} is not in service_dependencies")
                )
        connected[name] = replace(
            service,
            dependencies=tuple(dependencies[name]),
            callers=tuple(sorted(called_by[name], key=lambda peer: (peer.namespace, peer.name))),
            readiness=tuple(readiness),
        )
    return connected
