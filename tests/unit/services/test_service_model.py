"""From inventory variables to the model: what is read, and every error that is met on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible_collections.nilecare.platform.plugins.module_utils.services.inventory import read_platform
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Platform, Service

from .conftest import ROOT, SHARED, Build, defaults, host, load, options


def test_every_service_of_the_seed_is_there(platform: Platform) -> None:
    by_namespace = {name: {s.name for s in platform.in_namespace(name)} for name in platform.namespaces}
    assert by_namespace == {
        "infrastructure": {"gateway", "auth", "notification"},
        "clinical": {"ehr", "cds", "medication", "lab"},
        "business": {"facility", "appointment", "billing", "inventory", "analytics"},
        "integration": {"fhir", "hl7", "device-integration", "data-processing"},
    }


def test_tiers_are_the_seeds(platform: Platform) -> None:
    classes = {
        "small": ["notification", "gateway"],
        "medium": ["ehr", "medication", "lab", "appointment"],
        "large": ["fhir", "device-integration", "billing"],
        "xlarge": ["analytics", "data-processing"],
    }
    for tier, names in classes.items():
        assert {platform.services[name].tier.name for name in names} == {tier}
    medium = platform.services["ehr"].tier
    assert (medium.cpu_request, medium.cpu_limit) == (250, 500)
    assert (medium.memory_request, medium.memory_limit) == (512 * 2**20, 2**30)


def test_quotas_are_the_seeds(platform: Platform) -> None:
    numbers = {
        n.name: (n.cpu // 1000, n.memory >> 30, n.storage >> 30, n.pods) for n in platform.namespaces.values()
    }
    assert numbers == {
        "infrastructure": (10, 20, 50, 30),
        "clinical": (20, 40, 100, 50),
        "business": (15, 30, 80, 40),
        "integration": (15, 30, 80, 40),
    }


def test_the_seeds_example(platform: Platform) -> None:
    ehr = platform.services["ehr"]
    assert (ehr.port, ehr.object_name, ehr.namespace) == (4001, "ehr-service", "clinical")
    assert ehr.dns_name == "ehr-service.clinical.svc.cluster.local"
    assert (ehr.replicas.day, ehr.replicas.night, ehr.replicas.maximum) == (3, 2, 20)
    assert (ehr.hours.start, ehr.hours.end) == ("08:00", "20:00")


def test_an_ordinary_service_is_three_lines() -> None:
    lines = yaml.safe_load("service_port: 4010\nservice_tier: medium\nservice_dependencies: [mysql]")
    platform, findings = read_platform([host("imaging", "clinical", lines)], options())
    assert findings == []
    assert platform.services["imaging"].dependencies[0].address == "mysql.data.svc.cluster.local"


def test_callers_follow_from_dependencies(platform: Platform) -> None:
    for service in platform.services.values():
        for peer in service.dependencies:
            if peer.is_service:
                assert service.name in {caller.name for caller in platform.services[peer.name].callers}
        for caller in service.callers:
            assert service.name in {peer.name for peer in platform.services[caller.name].dependencies}


def test_a_service_survives_the_way_through_ansible(platform: Platform) -> None:
    for service in platform.services.values():
        assert Service.from_dict(json.loads(json.dumps(service.to_dict()))) == service


@pytest.mark.parametrize("change", [{"colour": 1}, {"port": None}])
def test_data_that_is_no_service(platform: Platform, change: dict[str, Any]) -> None:
    data = {**platform.services["ehr"].to_dict(), **change}
    if change.get("port", 0) is None:
        del data["port"]
    with pytest.raises(ValueError, match=r"a service (has no colour|is incomplete)"):
        Service.from_dict(data)


def test_all_inventories_hold_the_same_services() -> None:
    for environment in ("lab", "staging", "production"):
        inventory = ROOT / "inventories" / environment
        assert (inventory / "services.yml").resolve() == (SHARED / "services.yml")
        for namespace in load(SHARED / "services.yml")["services"]["children"]:
            link = inventory / "group_vars" / f"{namespace}.yml"
            assert link.resolve() == SHARED / "group_vars" / f"{namespace}.yml"


def test_every_variable_is_declared_and_has_a_default() -> None:
    declared, given = set(options()), set(defaults())
    without = {"service_port", "namespaces_quota"}
    assert declared - given == without
    assert given - declared == set()


def test_descriptions_are_complete() -> None:
    assert [name for name, option in options().items() if not option.get("description")] == []
    assert [name for name, option in options().items() if not option.get("type")] == []


def _texts(findings: list[Any]) -> list[str]:
    return [str(finding) for finding in findings]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"service_port": "four"}, "ehr: service_port: is 'four', expected a whole number"),
        ({"service_prt": 1}, "ehr: service_prt: is unknown, did you mean service_port?"),
        (
            {"service_tier": "huge"},
            "ehr: service_tier: is 'huge', expected one of large, medium, small, xlarge",
        ),
        ({"service_hours": "20:00-08:00"}, "ehr: service_hours: is '20:00-08:00', expected HH:MM-HH:MM"),
        (
            {"service_type": "Ingress"},
            "ehr: service_type: is 'Ingress', expected one of ClusterIP, NodePort",
        ),
        ({"service_strategy": "recreate"}, "ehr: service_strategy: is 'recreate', expected one of rolling"),
        ({"service_dependencies": ["auht"]}, "'auht' is no service and no store, did you mean auth?"),
        ({"service_dependencies": ["ehr"]}, "ehr: service_dependencies[0]: is the service itself"),
        (
            {"service_dependencies": ["auth", "auth"]},
            "ehr: service_dependencies[1]: names auth a second time",
        ),
        ({"service_readiness": ["mongodb"]}, "'mongodb' is not in service_dependencies"),
        (
            {"service_stores": {"mysql": {"port": 1}}},
            "ehr: service_stores.mysql: expected at least namespace and port",
        ),
        (
            {"service_routes": [{"pth": "/ehr"}]},
            "ehr: service_routes[0].pth: is unknown, did you mean path?",
        ),
        ({"service_routes": [{"timeout": 1}]}, "ehr: service_routes[0].path: is missing"),
        ({"service_tiers": {"medium": {"cpu_request": 1}}}, "ehr: service_tiers.medium: expected exactly"),
        (
            {"service_scaling_metrics": ["disk"]},
            "ehr: service_scaling_metrics[0]: is 'disk', expected one of cpu",
        ),
        (
            {"namespaces_quota": {"cpu": 1, "memory": "1Gi", "storage": "1Gi", "pods": 9}},
            "namespaces_quota: differs from ehr's: set it for the group clinical",
        ),
    ],
)
def test_one_mistake_is_named_with_host_and_key(build: Build, change: dict[str, Any], expected: str) -> None:
    _platform, findings = build(ehr=change)
    assert any(expected in text for text in _texts(findings)), _texts(findings)


def test_all_mistakes_are_reported_at_once(build: Build) -> None:
    _platform, findings = build(
        ehr={"service_port": "x", "service_tier": "huge"},
        lab={"service_hours": "day"},
        auth={"service_typ": 1},
    )
    hosts = {(finding.host, finding.key) for finding in findings}
    assert {
        ("ehr", "service_port"),
        ("ehr", "service_tier"),
        ("lab", "service_hours"),
        ("auth", "service_typ"),
    } <= hosts


def test_a_mistake_in_one_service_does_not_shadow_its_callers(build: Build) -> None:
    _platform, findings = build(auth={"service_tier": "huge"})
    assert {finding.host for finding in findings} == {"auth"}


def test_a_missing_port(build: Build) -> None:
    _platform, findings = build(only=["auth"], auth={"service_dependencies": []})
    assert findings == []
    values = yaml.safe_load("{service_type: ExternalName, service_external_name: lab.example.sd}")
    _platform, findings = build(only=["auth"], auth={"service_dependencies": [], **values})
    assert findings == []


def test_lab_scales_quotas(build: Build) -> None:
    scaled = {
        name: {"namespaces_quota_scale": 0.1}
        for name in load(SHARED / "services.yml")["services"]["children"]
    }
    platform, findings = build(group=scaled)
    assert findings == []
    clinical = platform.namespaces["clinical"]
    assert (clinical.cpu, clinical.memory, clinical.pods) == (2000, 4 * 2**30, 50)


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        (
            {"cpu": "many", "memory": "1Gi", "storage": "1Gi", "pods": 9},
            "namespaces_quota.cpu: 'many' is no amount",
        ),
        ({"cpu": "1", "memory": "1Gi", "pods": 9}, "namespaces_quota.storage: is missing"),
    ],
)
def test_a_wrong_quota(build: Build, quota: dict[str, Any], expected: str) -> None:
    _platform, findings = build(group={"clinical": {"namespaces_quota": quota}})
    assert any(expected in text for text in _texts(findings)), _texts(findings)
