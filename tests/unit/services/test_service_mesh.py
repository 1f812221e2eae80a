# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services in the mesh: routes, shares, tries, who may call; and the checks before anything is rendered."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from ansible_collections.nilecare.platform.plugins.module_utils.services.checks import errors
from ansible_collections.nilecare.platform.plugins.module_utils.services.inventory import read_platform
from ansible_collections.nilecare.platform.plugins.module_utils.services.mesh import UNSENT, mesh_objects
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import (
    HeaderRoute,
    MeshRules,
    Platform,
    Port,
    Service,
)
from ansible_collections.nilecare.platform.plugins.module_utils.services.namespaces import platform_objects
from ansible_collections.nilecare.platform.plugins.module_utils.services.render import render
from hypothesis import given
from hypothesis import strategies as st

from .conftest import ROOT, Build, host, options, shipped

_shipped, _findings = read_platform([host(*entry) for entry in shipped()], options())


def only(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    found = [obj for obj in objects if obj["kind"] == kind]
    assert len(found) == 1
    return found[0]


def rules(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = only(objects, "VirtualService")["spec"]["http"]
    return found


def chosen(http: list[dict[str, Any]], method: str, headers: dict[str, str]) -> dict[str, Any]:
    """The rule that a proxy takes: the first that fits."""
    for rule in http:
        for match in rule.get("match", [{}]):
            wanted = match.get("headers", {})
            if all(headers.get(name) == kind.get("exact") for name, kind in wanted.items()) and (
                "method" not in match or re.fullmatch(match["method"]["regex"], method)
            ):
                return rule
    raise AssertionError("no rule fits")


@st.composite
def split_of(draw: st.DrawFn, service: Service) -> dict[str, Any]:
    weight = draw(st.integers(0, 100))
    blue, green = f"{service.object_name}-blue", f"{service.object_name}-green"
    header = draw(st.sampled_from(["", "x-canary"]))
    return {"header": header, "header_host": green, "weights": {blue: 100 - weight, green: weight}}


@st.composite
def meshed(draw: st.DrawFn) -> tuple[Service, dict[str, Any] | None]:
    service = draw(st.sampled_from(list(_shipped.services.values())))
    weight = draw(st.integers(0, 100))
    subsets = {"now": {"version": "1.0.0"}, "next": {"version": "2.0.0"}} if draw(st.booleans()) else {}
    some = MeshRules(
        timeout=draw(st.integers(1, 120)),
        retries=draw(st.integers(0, 5)),
        subsets=subsets,
        weights={"now": 100 - weight, "next": weight} if subsets and draw(st.booleans()) else {},
        routes=(HeaderRoute("x-user-role", "next", "physician"),) if subsets and draw(st.booleans()) else (),
    )
    kind = draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]))
    service = replace(service, mesh=True, mesh_rules=some, type=kind)
    return service, draw(st.none() | split_of(service))


METHODS = st.sampled_from(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"])
HEADERS = st.sampled_from([{}, {"x-canary": "true"}, {"x-user-role": "physician"}])


@given(meshed(), METHODS, HEADERS)
def test_every_request_has_a_rule_and_no_post_is_done_twice(
    pair: tuple[Service, dict[str, Any] | None], method: str, headers: dict[str, str]
) -> None:
    service, split = pair
    rule = chosen(rules(mesh_objects(service, split)), method, headers)
    assert rule["timeout"] == f"{service.mesh_rules.timeout}s"
    retries = rule["retries"]
    assert retries["attempts"] == service.mesh_rules.retries
    if method in ("POST", "PATCH") and retries["attempts"]:
        assert retries["retryOn"] == UNSENT
        assert "perTryTimeout" not in retries


@given(meshed())
def test_shares_add_up_and_every_host_and_subset_is_defined(
    pair: tuple[Service, dict[str, Any] | None],
) -> None:
    service, split = pair
    objects = mesh_objects(service, split)
    defined = {
        obj["spec"]["host"]: {subset["name"] for subset in obj["spec"].get("subsets", [])}
        for obj in objects
        if obj["kind"] == "DestinationRule"
    }
    names = [rule["name"] for rule in rules(objects)]
    assert len(names) == len(set(names))
    for rule in rules(objects):
        weights = [route["weight"] for route in rule["route"] if "weight" in route]
        assert not weights or (sum(weights) == 100 and len(weights) == len(rule["route"]))
        assert weights or len(rule["route"]) == 1
        for route in rule["route"]:
            subset = route["destination"].get("subset")
            assert subset is None or subset in defined[route["destination"]["host"]]
            assert route["destination"]["port"] == {"number": service.port}
    assert "match" not in rules(objects)[-1], "the last rule takes what no other took"


@given(meshed())
def test_mesh_objects_are_in_the_namespace_and_bear_names_of_their_own(
    pair: tuple[Service, dict[str, Any] | None],
) -> None:
    objects = mesh_objects(*pair)
    names = [(obj["kind"], obj["metadata"]["name"]) for obj in objects]
    assert len(names) == len(set(names))
    assert {obj["metadata"]["namespace"] for obj in objects} == {pair[0].namespace}


def test_a_canary_is_reached_by_header_and_by_share(platform: Platform) -> None:
    service = replace(platform.services["ehr"], mesh=True)
    split = {
        "header": "x-canary",
        "header_host": "ehr-service-green",
        "weights": {"ehr-service-blue": 90, "ehr-service-green": 10},
    }
    http = rules(mesh_objects(service, split))
    by_header = chosen(http, "GET", {"x-canary": "true"})["route"]
    host_of = "ehr-service-green.clinical.svc.cluster.local"
    assert by_header == [{"destination": {"host": host_of, "port": {"number": 4001}}}]
    shares = chosen(http, "POST", {})["route"]
    assert [(route["destination"]["host"].partition(".")[0], route["weight"]) for route in shares] == [
        ("ehr-service-blue", 90),
        ("ehr-service-green", 10),
    ]
    with pytest.raises(ValueError, match="add up to 95, expected 100"):
        mesh_objects(service, {"weights": {"ehr-service-blue": 90, "ehr-service-green": 5}})


def allowed(service: Service, principal: str, namespace: str, port: int) -> bool:
    """Whether the policy lets a caller in, as the proxy decides it."""
    for rule in only(mesh_objects(service), "AuthorizationPolicy")["spec"]["rules"]:
        sources = [entry["source"] for entry in rule.get("from", [])]
        known = any(
            principal in source.get("principals", [])
            or namespace in source.get("namespaces", [])
            or "ipBlocks" in source
            for source in sources
        )
        ports = [number for entry in rule["to"] for number in entry["operation"]["ports"]]
        if (known or not sources) and str(port) in ports:
            return True
    return False


@pytest.mark.parametrize("callee", sorted(_shipped.services))
def test_exactly_the_declared_callers_get_in(platform: Platform, callee: str) -> None:
    service = replace(platform.services[callee], mesh=True)
    for caller in platform.services.values():
        principal = f"cluster.local/ns/{caller.namespace}/sa/{caller.object_name}"
        declared = callee in [peer.name for peer in caller.dependencies]
        assert allowed(service, principal, caller.namespace, service.port) is declared
    assert allowed(service, "cluster.local/ns/edge/sa/default", "edge", service.port) is bool(service.routes)


def test_a_service_that_nobody_calls_lets_nobody_in(platform: Platform) -> None:
    service = replace(platform.services["ehr"], mesh=True, callers=(), routes=())
    assert only(mesh_objects(service), "AuthorizationPolicy")["spec"]["rules"] == []


def test_machines_outside_reach_their_port_without_a_certificate(platform: Platform) -> None:
    service = replace(
        platform.services["hl7"],
        mesh=True,
        type="LoadBalancer",
        extra_ports=(Port("mllp", 2575),),
        source_ranges=("10.1.0.0/16",),
    )
    objects = mesh_objects(service)
    assert only(objects, "PeerAuthentication")["spec"]["portLevelMtls"] == {"2575": {"mode": "PERMISSIVE"}}
    rule = only(objects, "AuthorizationPolicy")["spec"]["rules"][-1]
    assert rule == {
        "from": [{"source": {"ipBlocks": ["10.1.0.0/16"]}}],
        "to": [{"operation": {"ports": ["2575"]}}],
    }
    assert not [obj for obj in mesh_objects(replace(service, type="ClusterIP")) if "Peer" in obj["kind"]]


def test_pods_of_the_mesh_are_injected_and_bounded(platform: Platform) -> None:
    service = replace(platform.services["ehr"], mesh=True)
    metadata = only(render(service), "Deployment")["spec"]["template"]["metadata"]
    assert metadata["labels"]["sidecar.istio.io/inject"] == "true"
    assert metadata["labels"]["version"] == "1.0.0"
    assert metadata["annotations"]["sidecar.istio.io/proxyCPULimit"] == "1"
    assert metadata["annotations"]["prometheus.io/port"] == "4001"
    without = only(render(replace(service, mesh=False)), "Deployment")["spec"]["template"]["metadata"]
    assert "annotations" not in without


def test_without_the_mesh_nothing_speaks_of_it(platform: Platform) -> None:
    text = yaml.safe_dump(render(platform.services["ehr"]))
    assert "istio" not in text
    named = [obj for obj in platform_objects(platform) if "istio" in obj["apiVersion"]]
    assert named == []


def test_namespaces_of_the_mesh_are_strict(build: Build) -> None:
    names = ["clinical", "infrastructure", "business", "integration"]
    group = {name: {"namespaces_mesh_revision": "nilecare"} for name in names}
    found, findings = build(group=group)
    assert findings == []
    objects = [obj for obj in platform_objects(found) if obj["metadata"].get("namespace") == "clinical"]
    assert only(objects, "PeerAuthentication")["spec"] == {"mtls": {"mode": "STRICT"}}
    assert only(objects, "AuthorizationPolicy")["spec"] == {}
    namespace = next(o for o in platform_objects(found) if o["metadata"]["name"] == "clinical")
    assert namespace["metadata"]["labels"]["istio.io/rev"] == "nilecare"


def test_a_model_survives_its_way_through_ansible(platform: Platform) -> None:
    some = MeshRules(routes=(HeaderRoute("x-user-role", "next", "physician"),), subsets={"next": {"a": "b"}})
    service = replace(platform.services["ehr"], mesh=True, mesh_rules=some)
    assert Service.from_dict(service.to_dict()) == service


def test_what_the_inventory_says_becomes_rules(build: Build) -> None:
    found, findings = build(
        ehr={
            "service_mesh_requests": {"retries": 1, "connections": 7},
            "service_mesh_outliers": {"errors": 2},
            "service_mesh_proxy": {
                "cpu_request": "10m",
                "cpu_limit": "1",
                "memory_request": "40Mi",
                "memory_limit": "256Mi",
            },
        }
    )
    assert findings == []
    ehr, slow = found.services["ehr"].mesh_rules, found.services["analytics"].mesh_rules
    assert (ehr.retries, ehr.connections, ehr.errors, ehr.proxy.cpu_request) == (1, 7, 2, 10)
    assert (ehr.timeout, ehr.retry_seconds) == (30, 10)
    assert (slow.timeout, slow.retry_seconds) == (120, 120), "its route may take 120 s"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"service_mesh_weights": {"now": 100}}, "service_mesh_weights.now: is no subset"),
    (
        {"service_mesh_subsets": {"now": {"version": "1"}}, "service_mesh_weights": {"now": 90}},
        "service_mesh_weights: add up to 90, expected 100",
    ),
    (
        {"service_mesh_routes": [{"header": "X-Canary", "subset": "next", "value": "true"}]},
        "service_mesh_routes[0].header: is 'X-Canary', expected small letters",
    ),
    (
        {"service_mesh_routes": [{"header": "x-canary", "subset": "next"}]},
        "service_mesh_routes[0]: expected one of value, prefix, regex",
    ),
    ({"service_mesh_requests": {"timeout": 0}}, "service_mesh_requests.timeout: is 0, expected 1 or more"),
    (
        {"service_mesh_requests": {"timeout": 5}},
        "service_mesh_requests.retry_seconds: is 10, more than the whole request may take (5)",
    ),
    (
        {"service_mesh_outliers": {"ejected_percent": 101}},
        "service_mesh_outliers.ejected_percent: is 101, expected 0 to 100",
    ),
    ({"service_mesh_subsets": {"now": {}}}, "service_mesh_subsets.now: expected a name of small letters"),
    ({"service_mesh": True}, "service_mesh: is true, but nothing puts pods of clinical into the mesh"),
]


@pytest.mark.parametrize(("change", "expected"), WRONG)
def test_what_cannot_work_is_said_beforehand(build: Build, change: dict[str, Any], expected: str) -> None:
    found, findings = build(ehr=change)
    texts = [str(finding) for finding in [*findings, *errors(found)]]
    assert any(f"ehr: {expected}" in text for text in texts), texts


def test_a_caller_outside_of_the_mesh_is_told_that_it_will_be_refused(build: Build) -> None:
    group = {"clinical": {"namespaces_mesh_revision": "nilecare"}}
    found, _findings = build(group=group, ehr={"service_mesh": True})
    texts = [str(finding) for finding in errors(found)]
    assert any("cds: service_mesh: is false, but ehr, which it calls" in text for text in texts)


def test_the_mesh_of_a_service_in_full(platform: Platform) -> None:
    """Read golden/ehr-mesh.yml as a reviewer would: it is what a change of the renderer changes."""
    some = MeshRules(
        subsets={"now": {"version": "1.0.0"}, "next": {"version": "2.0.0"}},
        weights={"now": 90, "next": 10},
        routes=(HeaderRoute("x-user-role", "next", "physician"),),
    )
    service = replace(platform.services["ehr"], mesh=True, mesh_rules=some)
    golden = ROOT / "tests" / "unit" / "services" / "golden" / "ehr-mesh.yml"
    assert list(yaml.safe_load_all(golden.read_text(encoding="utf-8"))) == mesh_objects(service)
