"""What cannot work is refused, what works badly is said, with the numbers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.services.checks import (
    RESERVED,
    Capacity,
    dependency_cycles,
    errors,
    warnings,
)
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Platform
from ansible_collections.nilecare.platform.plugins.module_utils.services.workload import environment

from .conftest import Build


def test_the_shipped_model_has_no_errors(platform: Platform) -> None:
    assert errors(platform) == []


def test_the_shipped_models_warnings_are_the_seeds_own(platform: Platform) -> None:
    """HPA maxima of 20 in namespaces of 30 to 50 pods; nothing else."""
    assert {finding.key for finding in warnings(platform)} == {"namespaces_quota.pods"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"service_port": 80}, "service_port: is 80, expected 1024 to 65535"),
        ({"service_port": 3001}, "service_port: 3001 is auth's: every service has its own"),
        ({"service_version": "latest"}, "service_version: is 'latest', expected a tag"),
        (
            {"service_image": "nilecare/ehr"},
            "service_image: is 'nilecare/ehr', expected the registry's host name",
        ),
        (
            {"service_image": "docker.io/nilecare/ehr:1"},
            "service_image: has a tag; the tag is service_version",
        ),
        ({"service_replicas": 1}, "service_replicas: are 2 by night, 1 by day, 20 at most"),
        ({"service_replicas_maximum": 2}, "service_replicas: are 2 by night, 3 by day, 2 at most"),
        ({"service_replicas_night": 0}, "service_replicas: are 0 by night"),
        (
            {"service_vertical_resources": ["cpu"]},
            "service_vertical_resources: cpu scale the number of pods already",
        ),
        ({"service_scaling_metrics": ["requests"]}, "requests are counted by KEDA"),
        ({"service_scaling_metrics": []}, "service_scaling_metrics: is empty"),
        ({"service_cpu_target": 0}, "service_cpu_target: is 0, expected 1 to 200 percent"),
        ({"service_environment": {"PORT": "1"}}, "service_environment.PORT: is set by the platform"),
        (
            {"service_environment": {"AUTH_URL": "x"}},
            "service_environment.AUTH_URL: is set by the platform for a dep",
        ),
        (
            {"service_secrets": {"MYSQL_HOST": "x"}},
            "service_secrets.MYSQL_HOST: is set by the platform for a dep",
        ),
        ({"service_secrets": {"A-B": "x"}}, "service_secrets.A-B: is no name for an environment variable"),
        (
            {"service_environment": {"A": 1}, "service_secrets": {"A": 2}},
            "A: is in service_environment too",
        ),
        (
            {"service_stop_seconds": 10},
            "service_stop_seconds: is 10, expected more than service_drain_seconds (10)",
        ),
        (
            {"service_deadline": 5},
            "service_deadline: is 5, expected more than service_minimum_ready_seconds (5)",
        ),
        ({"service_uid": 0}, "service_uid: is 0 or less"),
        ({"service_history": 0}, "service_history: is 0, expected 1 to 100"),
        ({"service_startup_seconds": 1}, "service_startup_seconds: is 1, expected 5 or more"),
        ({"service_trace_ratio": 2}, "service_trace_ratio: is 2.0, expected 0 to 1"),
        ({"service_readiness_path": "ready"}, "service_readiness_path: is 'ready', expected a path"),
        (
            {"service_routes": [{"path": "ehr"}]},
            "service_routes[0].path: is 'ehr', expected a path as in /ehr",
        ),
        ({"service_routes": [{"path": "/auth/"}]}, "leads to auth already"),
        (
            {"service_routes": [{"path": "/ehr", "timeout": 0}]},
            "service_routes[0].timeout: is 0, expected 1 or more",
        ),
        ({"service_type": "NodePort"}, "service_node_port: is 0, expected 30000 to 32767"),
        ({"service_node_port": 30001}, "service_node_port: has no meaning with service_type ClusterIP"),
        ({"service_type": "ExternalName"}, "service_external_name: is missing"),
        (
            {"service_source_ranges": ["10.0.0.1/8"]},
            "service_source_ranges[0]: 10.0.0.1/8 has host bits set",
        ),
        (
            {"service_load_balancer_address": "here"},
            "service_load_balancer_address: 'here' does not appear to be",
        ),
        (
            {"service_extra_ports": [{"name": "http", "port": 2575}]},
            "service_extra_ports[0].name: is 'http'",
        ),
        ({"service_extra_ports": [{"name": "mllp", "port": 4001}]}, "service_extra_ports[0].port: is 4001"),
        ({"service_dependencies": ["analytics"]}, "analytics is in business, which clinical may not call"),
    ],
)
def test_an_error_is_named_with_host_and_key(build: Build, change: dict[str, Any], expected: str) -> None:
    platform, findings = build(ehr=change)
    assert findings == []
    texts = [str(finding) for finding in errors(platform)]
    assert any(expected in text for text in texts), texts


def test_node_ports_clash(build: Build) -> None:
    exposed = {"service_type": "NodePort", "service_node_port": 30100}
    platform, _findings = build(ehr=exposed, lab=exposed)
    assert [str(f) for f in errors(platform)] == ["lab: service_node_port: 30100 is ehr's"]


def test_no_namespace_is_privileged(build: Build) -> None:
    platform, _findings = build(group={"clinical": {"namespaces_pod_security": "privileged"}})
    assert [finding.key for finding in errors(platform)] == ["namespaces_pod_security"]


def test_a_caller_that_is_no_namespace(build: Build) -> None:
    platform, _findings = build(group={"business": {"namespaces_callers": ["infrastructure", "nowhere"]}})
    assert [str(f) for f in errors(platform)] == [
        "business: namespaces_callers: 'nowhere' is no namespace with services"
    ]


def test_a_quota_that_refuses_the_days_pods_is_an_error(build: Build) -> None:
    quota = {"cpu": "2", "memory": "40Gi", "storage": "1Gi", "pods": 12}
    platform, _findings = build(group={"clinical": {"namespaces_quota": quota}})
    texts = [str(finding) for finding in errors(platform)]
    assert any("namespaces_quota.pods: is 12, but 4 services by day" in t and "need 16" in t for t in texts)
    assert any("namespaces_quota.cpu: is 2, but" in t and "need 4" in t for t in texts)
    assert len(texts) == 2


def test_hpa_maximum_above_the_quota_is_a_warning_with_numbers(build: Build) -> None:
    platform, _findings = build(ehr={"service_replicas_maximum": 45})
    texts = [str(finding) for finding in warnings(platform)]
    assert any(
        "clinical: namespaces_quota.pods: is 50, but the maxima of its 4 scaled services add up to 105" in t
        for t in texts
    )
    assert any(
        "ehr: service_replicas_maximum: is 45" in t and "(50 pods, 20 CPU) leaves room for 41" in t
        for t in texts
    )
    assert errors(platform) == []


def test_quotas_above_the_nodes_are_a_warning_with_numbers(platform: Platform) -> None:
    small = Capacity(cpu=12000, memory=200 * 2**30, nodes=6)
    texts = [str(finding) for finding in warnings(platform, small)]
    assert any("adds up to 60 in 4 namespaces, but the 6 nodes have 12" in text for text in texts)
    large = Capacity(cpu=60000, memory=120 * 2**30, nodes=30)
    assert all("nodes have" not in str(finding) for finding in warnings(platform, large))


def test_one_pod_is_a_warning(build: Build) -> None:
    platform, _findings = build(ehr={"service_replicas": 1, "service_replicas_night": 1})
    texts = [str(finding) for finding in warnings(platform)]
    assert any("ehr: service_replicas: is 1: draining that pod's node" in text for text in texts)
    assert any("ehr: service_replicas: is 1 in 3 sites: 2 of them have none" in text for text in texts)


def test_a_deadline_shorter_than_the_start_is_a_warning(build: Build) -> None:
    platform, _findings = build(ehr={"service_deadline": 100})
    assert any("a start may take 150 s" in str(finding) for finding in warnings(platform))


def test_a_circle_is_a_warning_and_no_error(build: Build) -> None:
    platform, _findings = build(notification={"service_dependencies": ["auth", "ehr"]}, group={})
    circles = [str(f) for f in warnings(platform) if "circle" in f.message]
    assert circles == [
        "ehr: service_dependencies: go in a circle: ehr → notification → ehr; none of them can come up alone"
    ]
    assert errors(platform) == []


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": ["b"], "b": ["c"], "c": []}, []),
        ({"a": ["b"], "b": ["a"]}, [["a", "b"]]),
        ({"c": ["a"], "a": ["b"], "b": ["c"]}, [["a", "b", "c"]]),
        ({"a": ["b", "c"], "b": ["a"], "c": ["a"]}, [["a", "b"], ["a", "c"]]),
        ({"a": ["outside"]}, []),
    ],
)
def test_circles(graph: dict[str, list[str]], expected: list[list[str]]) -> None:
    assert dependency_cycles(graph) == expected


def test_reserved_names_are_those_that_the_platform_sets(build: Build) -> None:
    """Dependencies' own names are checked apart."""
    platform, _findings = build(ehr={"service_tracing": False, "service_readiness": ["mysql"]})
    ehr = platform.services["ehr"]
    own = {entry["name"] for entry in environment(ehr)}
    of_dependencies = {name for name in own if name.endswith(("_URL", "_HOST", "_PORT"))} - RESERVED
    assert own - of_dependencies == set(RESERVED)
