# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether the model can work, before anything is applied.

Errors stop a run, warnings do not. Every finding says host, variable, and the numbers that it follows from.
"""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .model import Finding, Platform, Service
from .quantities import cpu_text, memory_text
from .terms_checks import delivery_errors

# What the platform itself sets in every pod (workload.py); a service's own variables must not.
RESERVED = frozenset(
    [
        *("SERVICE_NAME", "SERVICE_DEPENDENCIES", "PORT", "TZ", "LANG", "LC_ALL"),
        *("POD_NAME", "POD_IP", "NODE_NAME", "ZONE"),
        *("JAEGER_AGENT_HOST", "JAEGER_AGENT_PORT", "JAEGER_SAMPLER_TYPE", "JAEGER_SAMPLER_PARAM"),
        *("OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED"),
        *("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"),
    ]
)

_LABEL = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_VARIABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_PATH = re.compile(r"^/[A-Za-z0-9._~/-]*$")
_HEADER = re.compile(r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
_PORT_NAME = re.compile(r"^(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$")
# Names end in -service and a content hash of 9 characters; 63 is a label's limit.
_LONGEST_NAME = 63 - len("-service") - 9


@dataclass(frozen=True)
class Capacity:
    """What the nodes offer pods in all: thousandths of a core, bytes, and how many nodes that are."""

    cpu: int
    memory: int
    nodes: int


def errors(platform: Platform) -> list[Finding]:
    """Everything that cannot work."""
    findings: list[Finding] = []
    for service in platform.services.values():
        for check in _SERVICE_ERRORS:
            findings.extend(check(service))
    for platform_check in _PLATFORM_ERRORS:
        findings.extend(platform_check(platform))
    return findings


def warnings(platform: Platform, capacity: Capacity | None = None) -> list[Finding]:
    """Everything that works, but not as far as the numbers promise.

    :param capacity: of the cluster's nodes; checks that need it are left out without it.
    """
    findings: list[Finding] = []
    for check in _WARNINGS:
        findings.extend(check(platform))
    if capacity is not None:
        findings.extend(_quotas_against_nodes(platform, capacity))
    return findings


def _name(service: Service) -> Iterator[Finding]:
    if not _LABEL.match(service.name) or len(service.name) > _LONGEST_NAME:
        yield Finding(
            service.name,
            "",
            f"is no name for a service: lower-case letters, digits, dashes, at most {_LONGEST_NAME}",
        )


def _image(service: Service) -> Iterator[Finding]:
    registry, slash, _rest = service.image.partition("/")
    if not slash or "." not in registry:
        yield Finding(
            service.name,
            "service_image",
            f"is {service.image!r}, expected the registry's host name first (docker.io/…)",
        )
    if ":" in service.image.rpartition("/")[2] or "@" in service.image:
        yield Finding(service.name, "service_image", "has a tag; the tag is service_version")
    if service.version in ("", "latest") or not re.match(r"^[\w][\w.-]{0,127}$", service.version):
        yield Finding(
            service.name,
            "service_version",
            f"is {service.version!r}, expected a tag that always means the same image, as in 2.1.0",
        )


def _ports(service: Service) -> Iterator[Finding]:
    if service.runs_pods and not 1024 <= service.port <= 65535:
        yield Finding(
            service.name,
            "service_port",
            f"is {service.port}, expected 1024 to 65535 (the container's user may not use lower ones)",
        )
    names, numbers = {"http"}, {service.port}
    for index, port in enumerate(service.extra_ports):
        key = f"service_extra_ports[{index}]"
        if not _PORT_NAME.match(port.name) or port.name in names:
            yield Finding(
                service.name,
                f"{key}.name",
                f"is {port.name!r}, expected a name of its own, 15 characters at most",
            )
        if not 1024 <= port.port <= 65535 or port.port in numbers:
            yield Finding(
                service.name, f"{key}.port", f"is {port.port}, expected a number of its own, 1024 to 65535"
            )
        names.add(port.name)
        numbers.add(port.port)


def _type(service: Service) -> Iterator[Finding]:
    if service.type == "NodePort" and not 30000 <= service.node_port <= 32767:
        yield Finding(service.name, "service_node_port", f"is {service.node_port}, expected 30000 to 32767")
    if service.type != "NodePort" and service.node_port:
        yield Finding(service.name, "service_node_port", f"has no meaning with service_type {service.type}")
    if service.type == "ExternalName" and not service.external_name:
        yield Finding(
            service.name, "service_external_name", "is missing: service_type ExternalName stands for it"
        )
    if service.type != "ExternalName" and service.external_name:
        yield Finding(
            service.name, "service_external_name", f"has no meaning with service_type {service.type}"
        )
    if service.type == "ExternalName" and service.routes:
        yield Finding(service.name, "service_routes", "cannot lead to an ExternalName")
    for index, network in enumerate(service.source_ranges):
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            yield Finding(service.name, f"service_source_ranges[{index}]", str(error))
    if service.load_balancer_address:
        try:
            ipaddress.ip_address(service.load_balancer_address)
        except ValueError as error:
            yield Finding(service.name, "service_load_balancer_address", str(error))


def _replicas(service: Service) -> Iterator[Finding]:
    replicas = service.replicas
    if not 1 <= replicas.night <= replicas.day <= replicas.maximum:
        yield Finding(
            service.name,
            "service_replicas",
            f"are {replicas.night} by night, {replicas.day} by day, {replicas.maximum} at most:"
            " expected each at least as many as the one before, and one at least",
        )


def _scaling(service: Service) -> Iterator[Finding]:
    both = [name for name in service.vertical_resources if name in service.scaling_metrics]
    if both and service.autoscaler != "none":
        yield Finding(
            service.name,
            "service_vertical_resources",
            f"{' and '.join(both)} scale the number of pods already (service_scaling_metrics):"
            " the two autoscalers would fight",
        )
    if service.autoscaler != "none" and not service.scaling_metrics:
        yield Finding(
            service.name,
            "service_scaling_metrics",
            f"is empty, but service_autoscaler is {service.autoscaler}",
        )
    if service.autoscaler == "hpa" and "requests" in service.scaling_metrics:
        yield Finding(
            service.name,
            "service_scaling_metrics",
            "requests are counted by KEDA: expected service_autoscaler keda",
        )
    for key, request, limit in (
        ("cpu_target", service.tier.cpu_request, service.tier.cpu_limit),
        ("memory_target", service.tier.memory_request, service.tier.memory_limit),
    ):
        # Percent of the request; more than the limit allows is never reached.
        most = 100 * limit // request if request else 100
        if not 1 <= getattr(service, key) <= most:
            yield Finding(
                service.name, f"service_{key}", f"is {getattr(service, key)}, expected 1 to {most} percent"
            )


def _environment(service: Service) -> Iterator[Finding]:
    named = [("service_environment", name) for name in service.environment]
    named += [("service_secrets", name) for name in service.secret_names]
    for key, name in named:
        if not _VARIABLE.match(name):
            yield Finding(service.name, f"{key}.{name}", "is no name for an environment variable")
        elif name in RESERVED or name in {port.variable for port in service.extra_ports}:
            yield Finding(service.name, f"{key}.{name}", "is set by the platform")
    for name in sorted(set(service.environment) & set(service.secret_names)):
        yield Finding(service.name, f"service_secrets.{name}", "is in service_environment too")


def _times(service: Service) -> Iterator[Finding]:
    if service.drain_seconds < 0 or service.stop_seconds <= service.drain_seconds:
        yield Finding(
            service.name,
            "service_stop_seconds",
            f"is {service.stop_seconds}, expected more than service_drain_seconds ({service.drain_seconds}):"
            " requests in flight would be cut",
        )
    if service.deadline <= service.minimum_ready_seconds:
        yield Finding(
            service.name,
            "service_deadline",
            f"is {service.deadline}, expected more than service_minimum_ready_seconds"
            f" ({service.minimum_ready_seconds})",
        )
    if service.probes.startup_seconds < 5:
        yield Finding(
            service.name,
            "service_startup_seconds",
            f"is {service.probes.startup_seconds}, expected 5 or more",
        )
    if service.uid < 1:
        yield Finding(service.name, "service_uid", "is 0 or less, and services do not run as root")
    if not 1 <= service.history <= 100:
        yield Finding(service.name, "service_history", f"is {service.history}, expected 1 to 100")
    if not 0 <= service.surroundings.trace_ratio <= 1:
        yield Finding(
            service.name, "service_trace_ratio", f"is {service.surroundings.trace_ratio}, expected 0 to 1"
        )


def _paths(service: Service) -> Iterator[Finding]:
    probes = service.probes
    for kind, path in (
        ("startup", probes.startup_path),
        ("liveness", probes.liveness_path),
        ("readiness", probes.readiness_path),
    ):
        if not _PATH.match(path):
            yield Finding(service.name, f"service_{kind}_path", f"is {path!r}, expected a path as in /health")
    for index, route in enumerate(service.routes):
        key = f"service_routes[{index}]"
        if not _PATH.match(route.path) or "//" in route.path:
            yield Finding(service.name, f"{key}.path", f"is {route.path!r}, expected a path as in /ehr")
        for name in ("timeout", "body_megabytes", "rate"):
            if getattr(route, name) < 1:
                yield Finding(service.name, f"{key}.{name}", f"is {getattr(route, name)}, expected 1 or more")


def _mesh(service: Service) -> Iterator[Finding]:
    rules = service.mesh_rules
    requests = ("timeout", "retry_seconds", "connections", "pending", "requests")
    for key, names in (("requests", requests), ("outliers", ("errors", "interval", "ejection"))):
        for name in names:
            if getattr(rules, name) < 1:
                where = f"service_mesh_{key}.{name}"
                yield Finding(service.name, where, f"is {getattr(rules, name)}, expected 1 or more")
    for name in ("retries", "requests_per_connection"):
        if getattr(rules, name) < 0:
            yield Finding(service.name, f"service_mesh_requests.{name}", "is below 0")
    if rules.retry_seconds > rules.timeout:
        yield Finding(
            service.name,
            "service_mesh_requests.retry_seconds",
            f"is {rules.retry_seconds}, more than the whole request may take ({rules.timeout})",
        )
    for name in ("ejected_percent", "healthy_percent"):
        if not 0 <= getattr(rules, name) <= 100:
            where = f"service_mesh_outliers.{name}"
            yield Finding(service.name, where, f"is {getattr(rules, name)}, expected 0 to 100")
    yield from _mesh_shares(service)
    yield from _mesh_routes(service)


def _mesh_shares(service: Service) -> Iterator[Finding]:
    rules = service.mesh_rules
    for name, labels in rules.subsets.items():
        if not _LABEL.match(str(name)) or not labels:
            where = f"service_mesh_subsets.{name}"
            yield Finding(service.name, where, "expected a name of small letters and at least one label")
    known = ", ".join(rules.subsets) or "none"
    for name, weight in rules.weights.items():
        where = f"service_mesh_weights.{name}"
        if name not in rules.subsets:
            yield Finding(service.name, where, f"is no subset; service_mesh_subsets has {known}")
        if not isinstance(weight, int) or not 0 <= weight <= 100:
            yield Finding(service.name, where, f"is {weight!r}, expected a whole number of percent")
            return
    if rules.weights and sum(rules.weights.values()) != 100:
        yield Finding(
            service.name, "service_mesh_weights", f"add up to {sum(rules.weights.values())}, expected 100"
        )


def _mesh_routes(service: Service) -> Iterator[Finding]:
    rules = service.mesh_rules
    for index, route in enumerate(rules.routes):
        where = f"service_mesh_routes[{index}]"
        if not _HEADER.match(route.header):
            yield Finding(
                service.name,
                f"{where}.header",
                f"is {route.header!r}, expected small letters, as in x-canary",
            )
        if route.subset not in rules.subsets:
            known = ", ".join(rules.subsets) or "none"
            yield Finding(
                service.name, f"{where}.subset", f"is {route.subset!r}; service_mesh_subsets has {known}"
            )
        if sum(map(bool, (route.value, route.prefix, route.regex))) != 1:
            yield Finding(service.name, where, "expected one of value, prefix, regex")


def _dependencies(service: Service) -> Iterator[Finding]:
    for name in service.secret_names:
        if name in _dependency_variables(service):
            yield Finding(service.name, f"service_secrets.{name}", "is set by the platform for a dependency")
    for name in service.environment:
        if name in _dependency_variables(service):
            yield Finding(
                service.name, f"service_environment.{name}", "is set by the platform for a dependency"
            )


def _dependency_variables(service: Service) -> set[str]:
    names = set()
    for peer in service.dependencies:
        prefix = peer.name.upper().replace("-", "_")
        names |= {f"{prefix}_URL"} if peer.is_service else {f"{prefix}_HOST", f"{prefix}_PORT"}
    return names


def _clashing_ports(platform: Platform) -> Iterator[Finding]:
    taken: dict[int, str] = {}
    on_nodes: dict[int, str] = {}
    for service in platform.services.values():
        if service.runs_pods:
            if service.port in taken:
                yield Finding(
                    service.name,
                    "service_port",
                    f"{service.port} is {taken[service.port]}'s: every service has its own",
                )
            taken.setdefault(service.port, service.name)
        if service.node_port:
            if service.node_port in on_nodes:
                yield Finding(
                    service.name,
                    "service_node_port",
                    f"{service.node_port} is {on_nodes[service.node_port]}'s",
                )
            on_nodes.setdefault(service.node_port, service.name)


def _clashing_routes(platform: Platform) -> Iterator[Finding]:
    taken: dict[tuple[str, str], str] = {}
    for service in platform.services.values():
        for index, route in enumerate(service.routes):
            place = (route.host, route.path.rstrip("/") or "/")
            if place in taken:
                yield Finding(
                    service.name,
                    f"service_routes[{index}].path",
                    f"https://{route.host}{route.path} leads to {taken[place]} already",
                )
            taken.setdefault(place, service.name)


def _forbidden_calls(platform: Platform) -> Iterator[Finding]:
    for service in platform.services.values():
        for peer in service.dependencies:
            target = platform.namespaces.get(peer.namespace)
            if peer.is_service and target is not None and service.namespace not in target.callers:
                yield Finding(
                    service.name,
                    "service_dependencies",
                    f"{peer.name} is in {peer.namespace}, which {service.namespace} may not call"
                    f" (namespaces_callers of {peer.namespace}: {', '.join(target.callers)})",
                )


def _in_and_out_of_the_mesh(platform: Platform) -> Iterator[Finding]:
    """A pod in the mesh answers nobody without a certificate."""
    for service in platform.services.values():
        namespace = platform.namespaces.get(service.namespace)
        if service.mesh and namespace is not None and not namespace.mesh_revision:
            yield Finding(
                service.name,
                "service_mesh",
                f"is true, but nothing puts pods of {service.namespace} into the mesh: "
                "namespaces_mesh_revision is empty (it follows mesh_enabled)",
            )
        for peer in service.dependencies:
            target = platform.services.get(peer.name)
            if target is not None and target.mesh and not service.mesh and service.runs_pods:
                yield Finding(
                    service.name,
                    "service_mesh",
                    f"is false, but {peer.name}, which it calls, is in the mesh and would refuse it",
                )


def _namespaces(platform: Platform) -> Iterator[Finding]:
    for namespace in platform.namespaces.values():
        if namespace.pod_security == "privileged":
            yield Finding(
                namespace.name,
                "namespaces_pod_security",
                "is privileged, and no service needs that (a mesh's pods are wired by its CNI plugin)",
            )
        for other in namespace.callers:
            if other not in platform.namespaces:
                yield Finding(
                    namespace.name, "namespaces_callers", f"{other!r} is no namespace with services"
                )


def _more_than_quota(platform: Platform) -> Iterator[Finding]:
    """By day's numbers, and one more pod of each during an update, must fit, or pods are refused."""
    for namespace in platform.namespaces.values():
        services = platform.in_namespace(namespace.name)
        pods = sum(s.replicas.day + 1 for s in services)
        cpu = sum((s.replicas.day + 1) * s.cpu_request for s in services)
        memory = sum((s.replicas.day + 1) * s.memory_request for s in services)
        for key, need, have, text in (
            ("pods", pods, namespace.pods, str),
            ("cpu", cpu, namespace.cpu, cpu_text),
            ("memory", memory, namespace.memory, memory_text),
        ):
            if need > have:
                yield Finding(
                    namespace.name,
                    f"namespaces_quota.{key}",
                    f"is {text(have)}, but {len(services)} services by day, each with one pod more while it"
                    f" is updated, need {text(need)}",
                )


def _maximum_against_quota(platform: Platform) -> Iterator[Finding]:
    for namespace in platform.namespaces.values():
        services = [s for s in platform.in_namespace(namespace.name) if s.autoscaler != "none"]
        fixed = [s for s in platform.in_namespace(namespace.name) if s.autoscaler == "none"]
        pods = sum(s.replicas.maximum for s in services) + sum(s.replicas.day for s in fixed)
        if pods > namespace.pods:
            yield Finding(
                namespace.name,
                "namespaces_quota.pods",
                f"is {namespace.pods}, but the maxima of its {len(services)} scaled services add up to {pods}"
                " pods: not all of them can be reached at once",
            )
        for service in services:
            others = sum(s.replicas.day for s in [*services, *fixed] if s is not service)
            room = namespace.pods - others
            by_cpu = namespace.cpu - sum(
                s.replicas.day * s.cpu_request for s in [*services, *fixed] if s is not service
            )
            fits = min(room, by_cpu // max(1, service.cpu_request))
            if service.replicas.maximum > fits:
                yield Finding(
                    service.name,
                    "service_replicas_maximum",
                    f"is {service.replicas.maximum}, but with the others of {namespace.name} at their day's"
                    f" number its quota ({namespace.pods} pods, {cpu_text(namespace.cpu)} CPU) leaves room"
                    f" for {max(0, fits)}",
                )


def _strategy_against_replicas(platform: Platform) -> Iterator[Finding]:
    for service in platform.services.values():
        if not service.runs_pods:
            continue
        lowest = service.replicas.night if service.autoscaler == "keda" else service.replicas.day
        if lowest < 2:
            yield Finding(
                service.name,
                "service_replicas_night" if service.autoscaler == "keda" else "service_replicas",
                f"is {lowest}: draining that pod's node, or losing it, interrupts the service",
            )
        if service.replicas.day < platform.zones:
            yield Finding(
                service.name,
                "service_replicas",
                f"is {service.replicas.day} in {platform.zones} sites:"
                f" {platform.zones - service.replicas.day} of them have none",
            )
        if service.deadline < service.probes.startup_seconds:
            yield Finding(
                service.name,
                "service_deadline",
                f"is {service.deadline} s, but a start may take {service.probes.startup_seconds} s"
                " (service_startup_seconds): a slow start counts as a failed update",
            )


def _cycles(platform: Platform) -> Iterator[Finding]:
    for cycle in dependency_cycles({name: _called(service) for name, service in platform.services.items()}):
        yield Finding(
            cycle[0],
            "service_dependencies",
            f"go in a circle: {' → '.join([*cycle, cycle[0]])}; none of them can come up alone",
        )


def _called(service: Service) -> list[str]:
    return [peer.name for peer in service.dependencies if peer.is_service]


def dependency_cycles(graph: dict[str, list[str]]) -> list[list[str]]:
    """Sets of services that need each other, each as one circle through them, in the order of their names."""
    found: dict[frozenset[str], list[str]] = {}
    finished: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            circle = path[path.index(name) :]
            first = circle.index(min(circle))
            found.setdefault(frozenset(circle), circle[first:] + circle[:first])
            return
        if name in finished:
            return
        for other in graph.get(name, []):
            visit(other, [*path, name])
        finished.add(name)

    for name in sorted(graph):
        visit(name, [])
    return sorted(found.values())


def _unused(platform: Platform) -> Iterator[Finding]:
    called: dict[str, int] = defaultdict(int)
    for service in platform.services.values():
        for name in _called(service):
            called[name] += 1
    for service in platform.services.values():
        lonely = not (called[service.name] or service.routes or service.dependencies)
        if lonely and service.type == "ClusterIP":
            yield Finding(service.name, "", "is called by nobody, has no route and calls nothing")


def _quotas_against_nodes(platform: Platform, capacity: Capacity) -> Iterator[Finding]:
    cpu = sum(n.cpu for n in platform.namespaces.values())
    memory = sum(n.memory for n in platform.namespaces.values())
    for key, need, have, text in (
        ("cpu", cpu, capacity.cpu, cpu_text),
        ("memory", memory, capacity.memory, memory_text),
    ):
        if need > have:
            yield Finding(
                "services",
                f"namespaces_quota.{key}",
                f"adds up to {text(need)} in {len(platform.namespaces)} namespaces, but the"
                f" {capacity.nodes} nodes have {text(have)}: what a quota grants may not be there",
            )


_SERVICE_ERRORS: tuple[Callable[[Service], Iterator[Finding]], ...] = (
    _name,
    _image,
    _ports,
    _type,
    _replicas,
    _scaling,
    _environment,
    _times,
    _paths,
    _dependencies,
    _mesh,
    delivery_errors,
)
_PLATFORM_ERRORS: tuple[Callable[[Platform], Iterator[Finding]], ...] = (
    _clashing_ports,
    _clashing_routes,
    _forbidden_calls,
    _in_and_out_of_the_mesh,
    _namespaces,
    _more_than_quota,
)
_WARNINGS: tuple[Callable[[Platform], Iterator[Finding]], ...] = (
    _maximum_against_quota,
    _strategy_against_replicas,
    _cycles,
    _unused,
)
