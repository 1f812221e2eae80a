"""What is wrong with the terms of a delivery is said before anything is delivered."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Platform, Service
from ansible_collections.nilecare.platform.plugins.module_utils.services.terms_checks import delivery_errors

from tests.unit.services.conftest import Build

CANARY = {"service_strategy": "canary", "service_mesh": True, "service_delivery_judged": True}


def said(build: Build, **changes: Any) -> list[str]:
    platform, findings = build(only=["auth"], auth=changes)
    assert findings == []
    return [str(finding) for finding in delivery_errors(platform.services["auth"])]


def test_rolling_has_no_terms(platform: Platform) -> None:
    for service in platform.services.values():
        assert list(delivery_errors(service)) == []


def test_blue_green_and_canary_work_with_what_they_need(build: Build) -> None:
    assert said(build, service_strategy="blue_green") == []
    assert said(build, **CANARY) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"service_mesh": False}, "auth: service_strategy: is canary, which needs the mesh"),
        ({"service_delivery_judged": False}, "is false, and a canary is never let in blind"),
        ({"service_delivery_steps": ["50", "25", "100"]}, "is 50, 25, 100, expected header or nothing"),
        ({"service_delivery_steps": ["10", "50"]}, "expected header or nothing, then rising percents to 100"),
        ({"service_delivery_steps": ["10", "header", "100"]}, "expected header or nothing"),
        ({"service_delivery_header": ""}, "is empty, but service_delivery_steps has header"),
        ({"service_delivery_header": "X Canary"}, "expected a lower-case name"),
        ({"service_delivery_error_rate": 1.5}, "service_delivery_error_rate: is 1.5, expected a share"),
        ({"service_delivery_latency_factor": 0.5}, "is 0.5, expected 1 or more"),
        ({"service_delivery_minimum_requests": 0}, "without a request there is no verdict"),
        ({"service_delivery_hold_seconds": -1}, "service_delivery_hold_seconds: is -1, expected 0 or more"),
        ({"service_delivery_smoke": [{"path": "health"}]}, "service_delivery_smoke[0].path: is 'health'"),
    ],
)
def test_what_is_wrong_is_named(build: Build, change: dict[str, Any], text: str) -> None:
    assert any(text in line for line in said(build, **{**CANARY, **change}))


def test_terms_survive_the_way_through_ansible(build: Build) -> None:
    gates = [{"name": "queue", "query": "q", "maximum": 3}]
    platform, _findings = build(only=["auth"], auth={**CANARY, "service_delivery_gates": gates})
    service = platform.services["auth"]
    assert service.delivery.gates[0].maximum == 3
    assert Service.from_dict(service.to_dict()) == service
