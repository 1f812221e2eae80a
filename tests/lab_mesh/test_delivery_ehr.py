"""The command that an operator types for a new version of ehr, with what the inventory says and no more."""

from __future__ import annotations

import pytest

from tests.lab.harness import Lab

from .delivery import Service, steady


@pytest.fixture(scope="module")
def service() -> Service:
    lab = Lab()
    lab.environment |= {"NILECARE_LAB_MESH": "1", "NILECARE_LAB_MONITORING": "1"}
    return Service(lab, "ehr", "clinical", "/ehr/patients")


def test_a_new_version_of_ehr_comes_in_step_by_step(service: Service) -> None:
    with steady(service, 20) as traffic:
        ran = service.deliver("2.0.0").expect_success()
    traffic.report(f"ehr in {ran.seconds:.0f} s")
    assert traffic.lost == []
    steps = [entry["step"] for entry in service.state()["record"]]
    assert steps == ["header", "10 %", "25 %", "50 %", "100 %"]
    for step in steps:
        assert step in ran.text, "it can be watched"
    titles = [section["title"] for section in ran.report["sections"]]
    assert any("ehr" in title for title in titles), titles
    assert set(service.images().values()) >= {"2.0.0"}
