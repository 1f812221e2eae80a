# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a service and a namespace are: plain data, read from the inventory and rendered into objects.

Nothing here knows Ansible or Kubernetes. A ``Service`` is complete in itself (its callers and the addresses
of what it depends on are in it), so that one of them can be rendered without the rest of the platform.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .terms import Terms, read_terms

# Classes of importance, most important first, with the value of their PriorityClass. All lie below the
# cluster's own (2 000 000 000) and leave room between them.
CRITICALITIES = {"critical": 1_000_000, "high": 100_000, "standard": 10_000}


@dataclass(frozen=True)
class Tier:
    """How much a pod may use.

    :param cpu_request, cpu_limit: thousandths of a core.
    :param memory_request, memory_limit: bytes.
    """

    name: str
    cpu_request: int
    cpu_limit: int
    memory_request: int
    memory_limit: int


@dataclass(frozen=True)
class Replicas:
    """How many pods: by day, by night, and under load at most."""

    day: int
    night: int
    maximum: int


@dataclass(frozen=True)
class Hours:
    """When it is day, as HH:MM in the platform's time zone (the seed: 08:00 to 20:00)."""

    start: str
    end: str


@dataclass(frozen=True)
class Route:
    """A path of the public address that leads to a service.

    :param host: public host name.
    :param path: prefix, as in /ehr.
    :param timeout: seconds until the edge gives up.
    :param body_megabytes: largest request body.
    :param websocket: whether connections may be upgraded.
    :param rate: requests a second that one client may make.
    """

    host: str
    path: str
    timeout: int = 30
    body_megabytes: int = 10
    websocket: bool = False
    rate: int = 50


@dataclass(frozen=True)
class Port:
    """A port beside the HTTP port, such as HL7's MLLP on 2575."""

    name: str
    port: int
    protocol: str = "TCP"

    @property
    def variable(self) -> str:
        """The environment variable that tells the pod the number: ``MLLP_PORT``."""
        return f"{self.name.upper().replace('-', '_')}_PORT"


@dataclass(frozen=True)
class Peer:
    """Pods that a service calls, or that call it.

    :param name: the inventory's name.
    :param address: DNS name; empty for a caller.
    :param ports: port numbers by name; a service has one called http. Empty for a caller.
    :param labels: what selects the pods within their namespace; nothing selects all of them.
    """

    name: str
    namespace: str
    labels: dict[str, str] = field(default_factory=dict)
    address: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    is_service: bool = True


@dataclass(frozen=True)
class Probes:
    """The three questions that a node asks a pod: paths, and seconds until a start counts as failed."""

    startup_path: str
    liveness_path: str
    readiness_path: str
    startup_seconds: int


@dataclass(frozen=True)
class HeaderRoute:
    """Requests with this header go to a subset. Exactly one of ``value``, ``prefix`` and ``regex`` is set."""

    header: str
    subset: str
    value: str = ""
    prefix: str = ""
    regex: str = ""


@dataclass(frozen=True)
class MeshRules:
    """How callers' proxies treat a service (the seed's numbers).

    :param timeout: seconds that a request may take with all its tries.
    :param retries: how often a failed request is sent again.
    :param retry_seconds: seconds that one try may take.
    :param connections, pending, requests: at most, from one caller's pod.
    :param requests_per_connection: after which a connection is closed; 0 is never.
    :param errors: errors in a row after which a pod is left out.
    :param interval, ejection: seconds between two looks, and seconds for which a pod is left out.
    :param ejected_percent, healthy_percent: pods left out at most, and healthy ones below which none is.
    :param subsets: labels of pods by the subset's name.
    :param weights: percent by subset; empty sends everything to all pods.
    :param proxy: what a pod's proxy may use.
    """

    timeout: int = 30
    retries: int = 3
    retry_seconds: int = 10
    retry_on: str = "5xx,reset,connect-failure,refused-stream"
    connections: int = 100
    pending: int = 50
    requests: int = 100
    requests_per_connection: int = 1000
    errors: int = 5
    interval: int = 30
    ejection: int = 30
    ejected_percent: int = 50
    healthy_percent: int = 50
    subsets: dict[str, dict[str, str]] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    routes: tuple[HeaderRoute, ...] = ()
    proxy: Tier = Tier("proxy", 50, 1000, 96 * 2**20, 512 * 2**20)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> MeshRules:
        """The reverse of ``asdict``."""
        values = dict(data)
        if "routes" in values:
            values["routes"] = tuple(HeaderRoute(**route) for route in values["routes"])
        if "proxy" in values:
            values["proxy"] = Tier(**values["proxy"])
        return cls(**values)


@dataclass(frozen=True)
class Surroundings:
    """What all services share: where tracing, the edge and monitoring are, time and language."""

    time_zone: str
    locale: str
    domain: str
    edge_namespace: str
    monitoring_namespace: str
    trace_agent: str
    trace_collector: str
    trace_ratio: float


@dataclass(frozen=True)
class Service:
    """One service, complete. Field names are the inventory's without ``service_``; units are in
    roles/service/meta/argument_specs.yml."""

    name: str
    object_name: str
    namespace: str
    image: str
    version: str
    port: int
    tier: Tier
    criticality: str
    replicas: Replicas
    hours: Hours
    strategy: str
    type: str
    surroundings: Surroundings
    probes: Probes
    node_port: int = 0
    external_name: str = ""
    load_balancer_address: str = ""
    source_ranges: tuple[str, ...] = ()
    extra_ports: tuple[Port, ...] = ()
    routes: tuple[Route, ...] = ()
    dependencies: tuple[Peer, ...] = ()
    callers: tuple[Peer, ...] = ()
    readiness: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    secret_names: tuple[str, ...] = ()
    autoscaler: str = "hpa"
    scaling_metrics: tuple[str, ...] = ("cpu", "memory")
    cpu_target: int = 70
    memory_target: int = 80
    request_target: int = 1000
    vertical_resources: tuple[str, ...] = ()
    metrics: bool = True
    tracing: bool = True
    mesh: bool = False
    mesh_rules: MeshRules = field(default_factory=MeshRules)
    deadline: int = 300
    drain_seconds: int = 10
    stop_seconds: int = 45
    minimum_ready_seconds: int = 5
    history: int = 10
    uid: int = 1000
    delivery: Terms = field(default_factory=Terms)

    @property
    def runs_pods(self) -> bool:
        """Whether there is anything to run; an ExternalName is only a name."""
        return self.type != "ExternalName"

    @property
    def cpu_request(self) -> int:
        """Of a pod, in thousandths of a core, its proxy included."""
        return self.tier.cpu_request + (self.mesh_rules.proxy.cpu_request if self.mesh else 0)

    @property
    def memory_request(self) -> int:
        """Of a pod, in bytes, its proxy included."""
        return self.tier.memory_request + (self.mesh_rules.proxy.memory_request if self.mesh else 0)

    @property
    def dns_name(self) -> str:
        """Name that other namespaces call."""
        return f"{self.object_name}.{self.namespace}.svc.{self.surroundings.domain}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as it goes through Ansible."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Service:
        """The reverse of ``to_dict``.

        :raises ValueError: a field is missing or unknown.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise ValueError(f"a service has no {', '.join(unknown)}")
        parts: dict[str, Callable[..., Any]] = {
            "tier": Tier,
            "replicas": Replicas,
            "hours": Hours,
            "surroundings": Surroundings,
            "probes": Probes,
            "delivery": read_terms,
        }
        lists = {"routes": Route, "extra_ports": Port, "dependencies": Peer, "callers": Peer}
        values: dict[str, Any] = {}
        for name, value in data.items():
            if name == "mesh_rules":
                values[name] = MeshRules.from_dict(value)
            elif name in parts:
                values[name] = parts[name](**value)
            elif name in lists:
                values[name] = tuple(lists[name](**entry) for entry in value)
            else:
                values[name] = tuple(value) if isinstance(value, (list, tuple)) else value
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"a service is incomplete: {error}") from error


@dataclass(frozen=True)
class Namespace:
    """A namespace and what it may use.

    :param cpu: thousandths of a core that its pods may request in all.
    :param memory, storage: bytes that its pods and claims may request in all.
    :param pods: how many pods there may be.
    :param pod_security: level of the Pod Security Standards that is enforced.
    :param callers: namespaces whose services may call services of this one.
    :param mesh_revision: revision, or tag of one, of the mesh that its pods are in; empty for none.
    """

    name: str
    cpu: int
    memory: int
    storage: int
    pods: int
    pod_security: str = "restricted"
    callers: tuple[str, ...] = ()
    mesh_revision: str = ""
    deployers: tuple[str, ...] = ()
    viewers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Platform:
    """All services and namespaces of an inventory."""

    services: dict[str, Service]
    namespaces: dict[str, Namespace]
    tiers: dict[str, Tier]
    zones: int = 3

    def in_namespace(self, namespace: str) -> list[Service]:
        """The services of one namespace that run pods, by name."""
        return [s for s in self.services.values() if s.namespace == namespace and s.runs_pods]


@dataclass(frozen=True)
class Finding:
    """Something that is wrong (an error) or worth a look (a warning).

    :param host: inventory host or group.
    :param key: variable; empty when the finding is about no single one.
    """

    host: str
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.host}: {self.key}" if self.key else self.host
        return f"{place}: {self.message}"
