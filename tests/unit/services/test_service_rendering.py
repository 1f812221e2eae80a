"""Objects of services: what every one of them must have, and where the seed is not followed."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
import yaml
from ansible_collections.nilecare.platform.plugins.module_utils.services.inventory import read_platform
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Platform, Port, Service
from ansible_collections.nilecare.platform.plugins.module_utils.services.namespaces import platform_objects
from ansible_collections.nilecare.platform.plugins.module_utils.services.render import render
from hypothesis import given
from hypothesis import strategies as st

from .conftest import ROOT, Build, host, load, options, shipped

_shipped, _findings = read_platform([host(*entry) for entry in shipped()], options())


@st.composite
def any_service(draw: st.DrawFn) -> Service:
    """A shipped service with other choices."""
    service = draw(st.sampled_from(list(_shipped.services.values())))
    kind = draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]))
    return replace(
        service,
        type=kind,
        node_port=30100 if kind == "NodePort" else 0,
        criticality=draw(st.sampled_from(["critical", "high", "standard"])),
        autoscaler=draw(st.sampled_from(["hpa", "keda", "none"])),
        environment=draw(st.dictionaries(st.sampled_from(["A", "B", "C"]), st.text(max_size=8))),
        extra_ports=draw(st.sampled_from([(), (Port("mllp", 2575),), (Port("udp", 7000, "UDP"),)])),
        mesh=draw(st.booleans()),
        tracing=draw(st.booleans()),
        metrics=draw(st.booleans()),
        drain_seconds=draw(st.integers(0, 20)),
    )


def pick(objects: list[dict[str, Any]], kind: str, name: str = "") -> dict[str, Any]:
    found = [obj for obj in objects if obj["kind"] == kind and name in ("", obj["metadata"]["name"])]
    assert len(found) == 1, [obj["metadata"]["name"] for obj in found]
    return found[0]


def pod(service: Service) -> dict[str, Any]:
    spec: dict[str, Any] = pick(render(service), "Deployment")["spec"]["template"]["spec"]
    return spec


@given(any_service())
def test_every_pod_has_probes_limits_spread_and_no_privilege(service: Service) -> None:
    spec = pod(service)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert {constraint["topologyKey"] for constraint in spec["topologySpreadConstraints"]} == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
    for container in spec["containers"]:
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
        for part in ("requests", "limits"):
            assert set(container["resources"][part]) == {"cpu", "memory"}
        security = container["securityContext"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert not security.get("privileged")
        assert not container["image"].endswith(":latest")
    assert all("hostPath" not in volume for volume in spec["volumes"])


@given(any_service())
def test_every_object_is_in_the_namespace_and_labelled(service: Service) -> None:
    objects = render(service)
    for obj in objects:
        assert obj["metadata"]["namespace"] == service.namespace
        assert obj["metadata"]["labels"]["app"] == service.object_name
    identities = [(obj["kind"], obj["metadata"]["name"]) for obj in objects]
    assert len(identities) == len(set(identities))


@given(any_service())
def test_pods_wait_for_a_drain_before_they_are_killed(service: Service) -> None:
    spec = pod(service)
    slept = spec["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert slept == service.drain_seconds
    assert spec["terminationGracePeriodSeconds"] > slept


def test_rolling_update_is_the_seeds(platform: Platform) -> None:
    spec = pick(render(platform.services["ehr"]), "Deployment")["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }


def test_probes_are_the_seeds(platform: Platform) -> None:
    container = pod(platform.services["ehr"])["containers"][0]
    startup, live, ready = (container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness"))
    assert startup["httpGet"]["path"] == "/health/startup"
    assert (startup["periodSeconds"], startup["failureThreshold"]) == (5, 30)
    assert live["httpGet"]["path"] == "/health"
    assert (live["initialDelaySeconds"], live["periodSeconds"], live["failureThreshold"]) == (30, 10, 3)
    assert ready["httpGet"]["path"] == "/health/ready"
    assert (ready["initialDelaySeconds"], ready["periodSeconds"], ready["failureThreshold"]) == (10, 5, 3)


def test_user_is_the_seeds(platform: Platform) -> None:
    spec = pod(platform.services["ehr"])
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["fsGroup"]) == (1000, 1000)


def test_environment(platform: Platform) -> None:
    entries = {entry["name"]: entry for entry in pod(platform.services["ehr"])["containers"][0]["env"]}
    plain = {name: entry["value"] for name, entry in entries.items() if "value" in entry}
    assert plain["TZ"] == "Africa/Khartoum"
    assert plain["LANG"] == "ar_SD.UTF-8"
    assert plain["JAEGER_AGENT_HOST"] == "jaeger-agent.monitoring.svc.cluster.local"
    assert (plain["JAEGER_AGENT_PORT"], plain["JAEGER_SAMPLER_PARAM"]) == ("6831", "0.1")
    assert plain["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel-collector.monitoring.svc.cluster.local:4318"
    assert plain["AUTH_URL"] == "http://auth-service.infrastructure.svc.cluster.local:3001"
    assert (plain["MYSQL_HOST"], plain["MYSQL_PORT"]) == ("mysql.data.svc.cluster.local", "3306")
    assert plain["SERVICE_DEPENDENCIES"].split(",")[0] == "mysql.data.svc.cluster.local:3306"
    zone = entries["ZONE"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert zone == "metadata.labels['topology.kubernetes.io/zone']"


# Rows of the table of contradictions between the seed and what can work.


@given(any_service())
def test_spread_instead_of_required_anti_affinity(service: Service) -> None:
    """A required anti-affinity on the zone allows 3 pods in all, and an update of 3 would never begin."""
    spec = pod(service)
    assert "affinity" not in spec
    zone = next(c for c in spec["topologySpreadConstraints"] if c["topologyKey"].endswith("zone"))
    node = next(c for c in spec["topologySpreadConstraints"] if c["topologyKey"].endswith("hostname"))
    assert (zone["maxSkew"], zone["whenUnsatisfiable"]) == (1, "DoNotSchedule")
    assert node["whenUnsatisfiable"] == "ScheduleAnyway"
    # Counted for each version by itself, and without the nodes of a site that is down.
    assert zone["matchLabelKeys"] == ["pod-template-hash"]
    assert zone["nodeTaintsPolicy"] == "Honor"
    assert "minDomains" not in zone


@given(any_service())
def test_a_drain_is_possible_at_two_pods(service: Service) -> None:
    budget = pick(render(service), "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget


def test_horizontal_autoscaler_has_no_pods_metric(platform: Platform) -> None:
    spec = pick(render(platform.services["ehr"]), "HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 20)
    assert [
        (m["type"], m["resource"]["name"], m["resource"]["target"]["averageUtilization"])
        for m in spec["metrics"]
    ] == [
        ("Resource", "cpu", 70),
        ("Resource", "memory", 80),
    ]
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert spec["behavior"]["scaleDown"]["policies"] == [
        {"type": "Percent", "value": 50, "periodSeconds": 60}
    ]
    assert spec["behavior"]["scaleUp"]["policies"] == [{"type": "Percent", "value": 100, "periodSeconds": 30}]


def test_keda_counts_requests_and_hours(platform: Platform) -> None:
    service = replace(
        platform.services["ehr"], autoscaler="keda", scaling_metrics=("cpu", "memory", "requests")
    )
    objects = render(service)
    assert all(obj["kind"] != "HorizontalPodAutoscaler" for obj in objects)
    spec = pick(objects, "ScaledObject")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 20)
    triggers = {trigger["type"]: trigger["metadata"] for trigger in spec["triggers"]}
    assert set(triggers) == {"cpu", "memory", "prometheus", "cron"}
    assert triggers["cron"] == {
        "timezone": "Africa/Khartoum",
        "start": "0 8 * * *",
        "end": "0 20 * * *",
        "desiredReplicas": "3",
    }
    assert triggers["prometheus"]["threshold"] == "1000"


@pytest.mark.parametrize(("autoscaler", "owned"), [("hpa", False), ("keda", False), ("none", True)])
def test_an_autoscaler_alone_owns_the_number_of_pods(
    platform: Platform, autoscaler: str, owned: bool
) -> None:
    service = replace(platform.services["ehr"], autoscaler=autoscaler)
    assert ("replicas" in pick(render(service), "Deployment")["spec"]) is owned


def test_vertical_autoscaler_owns_what_the_horizontal_does_not(platform: Platform) -> None:
    service = replace(platform.services["ehr"], scaling_metrics=("cpu",), vertical_resources=("memory",))
    policy = pick(render(service), "VerticalPodAutoscaler")["spec"]["resourcePolicy"]["containerPolicies"][0]
    assert policy["controlledResources"] == ["memory"]
    assert (policy["minAllowed"], policy["maxAllowed"]) == ({"memory": "512Mi"}, {"memory": "4Gi"})


def _rules(service: Service, direction: str) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = pick(render(service), "NetworkPolicy")["spec"][direction]
    return rules


@given(any_service())
def test_namespaces_are_selected_by_the_label_that_kubernetes_sets(service: Service) -> None:
    for rule in _rules(service, "ingress") + _rules(service, "egress"):
        for peer in rule.get("from", []) + rule.get("to", []):
            if "namespaceSelector" in peer:
                assert set(peer["namespaceSelector"]["matchLabels"]) == {"kubernetes.io/metadata.name"}


@given(any_service())
def test_no_rule_lets_everything_through(service: Service) -> None:
    for rule in _rules(service, "ingress"):
        assert rule["from"]
        assert rule["ports"]
    for rule in _rules(service, "egress"):
        assert rule["to"]
        assert rule["ports"]


def test_egress_is_what_is_declared(platform: Platform) -> None:
    ehr = platform.services["ehr"]
    found = {
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for rule in _rules(ehr, "egress")
        for peer in rule["to"]
        for port in rule["ports"]
    }
    assert found == {
        ("infrastructure", "http"),
        ("data", 3306),
        ("data", 6379),
        ("messaging", 9092),
        ("monitoring", 4317),
        ("monitoring", 4318),
        ("monitoring", 6831),
    }


def test_a_mesh_needs_its_control_plane(platform: Platform) -> None:
    service = replace(platform.services["ehr"], mesh=True)
    assert any(
        peer.get("podSelector") == {"matchLabels": {"app": "istiod"}}
        for rule in _rules(service, "egress")
        for peer in rule["to"]
    )


def test_ingress_is_callers_edge_and_monitoring(platform: Platform) -> None:
    found = {
        (
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
            peer.get("podSelector", {}).get("matchLabels", {}).get("app", ""),
        )
        for rule in _rules(platform.services["medication"], "ingress")
        for peer in rule["from"]
    }
    assert found == {
        ("clinical", "cds-service"),
        ("integration", "fhir-service"),
        ("edge", ""),
        ("monitoring", ""),
    }


def test_a_service_without_routes_is_not_reached_by_the_edge(platform: Platform) -> None:
    peers = [
        peer for rule in _rules(platform.services["data-processing"], "ingress") for peer in rule["from"]
    ]
    assert all(
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] != "edge" for peer in peers
    )


def test_mllp_is_exposed_without_the_http_port(platform: Platform) -> None:
    hl7 = platform.services["hl7"]
    objects = render(hl7)
    inner, outer = pick(objects, "Service", "hl7-service"), pick(objects, "Service", "hl7-service-external")
    assert [port["port"] for port in inner["spec"]["ports"]] == [6002, 2575]
    assert [port["port"] for port in outer["spec"]["ports"]] == [2575]
    assert (outer["spec"]["type"], outer["spec"]["externalTrafficPolicy"]) == ("LoadBalancer", "Local")
    blocks = [r for r in _rules(hl7, "ingress") if "ipBlock" in r["from"][0]]
    assert [rule["ports"] for rule in blocks] == [[{"protocol": "TCP", "port": "mllp"}]]


def test_node_port_and_external_name(platform: Platform) -> None:
    ehr = platform.services["ehr"]
    outer = pick(render(replace(ehr, type="NodePort", node_port=30100)), "Service", "ehr-service-external")
    assert outer["spec"]["ports"][0]["nodePort"] == 30100
    objects = render(replace(ehr, type="ExternalName", external_name="ehr.example.sd"))
    assert [obj["kind"] for obj in objects] == ["Service"]
    assert objects[0]["spec"] == {"type": "ExternalName", "externalName": "ehr.example.sd"}


# Configuration and secrets


def test_a_changed_value_restarts_the_pods_and_keeps_the_old_one(platform: Platform) -> None:
    one = replace(platform.services["ehr"], environment={"MODE": "a"}, secret_names=("KEY",))
    two = replace(one, environment={"MODE": "b"})
    first, second = render(one, {"KEY": "s"}), render(two, {"KEY": "s"})
    third = render(two, {"KEY": "t"})
    names = [pick(objects, "ConfigMap")["metadata"]["name"] for objects in (first, second, third)]
    secrets = [pick(objects, "Secret")["metadata"]["name"] for objects in (first, second, third)]
    assert names[0] != names[1] == names[2]
    assert secrets[0] == secrets[1] != secrets[2]
    for objects, name, secret in zip((first, second, third), names, secrets, strict=True):
        sources = pick(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["envFrom"]
        assert sources == [{"configMapRef": {"name": name}}, {"secretRef": {"name": secret}}]
    assert pick(first, "Secret")["data"] == {"KEY": base64.b64encode(b"s").decode()}
    assert "immutable" in pick(first, "Secret")


def test_a_new_version_is_one_line(platform: Platform) -> None:
    one = platform.services["ehr"]
    two = replace(one, version="2.1.0")
    changed = [
        (path, value)
        for path, value in _leaves(render(two))
        if (path, value) not in set(_leaves(render(one)))
    ]
    assert [value for _path, value in changed] == ["docker.io/nilecare/ehr:2.1.0"]


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, entry in value.items() for leaf in _leaves(entry, f"{path}.{key}")]
    if isinstance(value, list):
        return [leaf for index, entry in enumerate(value) for leaf in _leaves(entry, f"{path}[{index}]")]
    return [(path, value)]


# Namespaces


def test_namespaces(platform: Platform) -> None:
    objects = platform_objects(platform)
    clinical = [obj for obj in objects if obj["metadata"].get("namespace") == "clinical"]
    assert pick(clinical, "ResourceQuota")["spec"]["hard"] == {
        "requests.cpu": "20",
        "requests.memory": "40Gi",
        "requests.storage": "100Gi",
        "pods": "50",
    }
    limits = pick(clinical, "LimitRange")["spec"]["limits"][0]
    assert limits["default"] == {"cpu": "200m", "memory": "512Mi"}
    assert limits["max"] == {"cpu": "2", "memory": "4Gi"}
    deny = pick(clinical, "NetworkPolicy", "default-deny")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    dns = pick(clinical, "NetworkPolicy", "allow-dns")["spec"]["egress"]
    assert [port["port"] for rule in dns for port in rule["ports"]] == [53, 53]
    bindings = [obj for obj in clinical if obj["kind"] == "RoleBinding"]
    assert {b["roleRef"]["name"]: b["subjects"][0]["name"] for b in bindings} == {
        "nilecare-deployer": "nilecare:deployers",
        "view": "nilecare:viewers",
    }


def test_pod_security_is_enforced(platform: Platform) -> None:
    for obj in platform_objects(platform):
        if obj["kind"] == "Namespace":
            for mode in ("enforce", "warn", "audit"):
                assert obj["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_deployers_get_into_no_pod(platform: Platform) -> None:
    role = pick(platform_objects(platform), "ClusterRole")
    granted = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert not granted & {"pods/exec", "pods/attach", "pods/portforward", "*", "rolebindings", "nodes"}


def test_deployers_may_write_every_kind_of_object(platform: Platform) -> None:
    role = pick(platform_objects(platform), "ClusterRole")
    writable = {
        (group, resource)
        for rule in role["rules"]
        if "patch" in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    service = replace(
        platform.services["ehr"],
        environment={"A": "1"},
        secret_names=("B",),
        scaling_metrics=("cpu",),
        vertical_resources=("memory",),
    )
    exposed = replace(service, autoscaler="keda", mesh=True, type="LoadBalancer")
    objects = render(service, {"B": "2"}) + render(exposed, {"B": "2"})
    needed = {(obj["apiVersion"].rpartition("/")[0], f"{obj['kind'].lower()}s") for obj in objects}
    assert {(group, name.replace("policys", "policies")) for group, name in needed} <= writable


def test_critical_services_come_first(platform: Platform) -> None:
    classes = {
        o["metadata"]["name"]: o["value"] for o in platform_objects(platform) if o["kind"] == "PriorityClass"
    }
    assert classes["nilecare-critical"] > classes["nilecare-high"] > classes["nilecare-standard"]
    assert pod(platform.services["ehr"])["priorityClassName"] == "nilecare-critical"


def test_the_labs_tiers_are_tiers(build: Build) -> None:
    lab = load(ROOT / "inventories" / "lab" / "group_vars" / "services" / "lab.yml")
    changes = {
        name.replace("-", "_"): {"service_tiers": lab["service_tiers"]} for name, _ns, _own in shipped()
    }
    _platform, findings = build(**changes)
    assert findings == []


def test_the_seeds_example_in_full(platform: Platform) -> None:
    """Read golden/ehr.yml as a reviewer would: it is what a change of a renderer changes."""
    service = replace(platform.services["ehr"], environment={"MODE": "calm"}, secret_names=("KEY",))
    golden = ROOT / "tests" / "unit" / "services" / "golden" / "ehr.yml"
    assert list(yaml.safe_load_all(golden.read_text(encoding="utf-8"))) == render(service, {"KEY": "s3cret"})
