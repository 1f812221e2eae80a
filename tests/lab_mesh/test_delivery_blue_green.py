"""Blue-green in the lab under traffic through the edge: nothing is lost, nobody meets a version that failed.

Works with the mesh and without it, on a lab that stands (NILECARE_LAB_NAME) with service appointment.
"""

from __future__ import annotations

import time

import pytest

from tests.lab.harness import Lab, until

from .delivery import Service, has_prometheus, more, steady


@pytest.fixture(scope="module")
def service() -> Service:
    lab = Lab()
    meshed = any(n["metadata"]["name"] == "istio-system" for n in lab.get("namespaces")["items"])
    watched = has_prometheus(lab)
    lab.environment["NILECARE_LAB_MESH"] = "1" if meshed else "0"
    lab.environment["NILECARE_LAB_MONITORING"] = "1" if watched else "0"
    terms = {
        "service_strategy": "blue_green",
        "service_delivery_watch_seconds": 20,
        "service_delivery_keep_seconds": 3600,
        "service_delivery_no_data_seconds": 60,
        "service_delivery_minimum_requests": 50,
    }
    return Service(lab, "appointment", "business", "/appointment/slots", terms)


def test_a_rolling_service_becomes_a_coloured_one(service: Service) -> None:
    with steady(service) as traffic:
        service.deliver("1.0.0").expect_success()
    traffic.report("rolling becomes blue-green")
    assert traffic.lost == []
    assert service.colour() in ("blue", "green")


def test_a_switch_and_the_way_back_lose_nothing(service: Service) -> None:
    old = service.colour()
    with steady(service) as traffic:
        ran = service.deliver("2.0.0").expect_success()
        switched = time.monotonic()
        assert service.colour() != old
        until(lambda: traffic.last("1.0.0") < time.monotonic() - 5, 90, "the old version answers no more")
        took = traffic.last("1.0.0") - traffic.first("2.0.0")
        print(f"   from the first answer of the new version to the last of the old one: {took:.1f} s")
        began = time.monotonic()
        service.command("abort").expect_success()
        back = time.monotonic() - began
        until(lambda: traffic.last("2.0.0") < time.monotonic() - 5, 90, "the new version answers no more")
        tail = traffic.last("2.0.0") - began
    traffic.report(
        f"switch in {ran.seconds:.0f} s, back in {back:.0f} s, last answer of 2.0.0 after {tail:.1f} s"
    )
    assert traffic.lost == []
    assert traffic.versions(switched, began).get("2.0.0", 0) > 0
    assert service.colour() == old
    assert set(service.images().values()) == {"1.0.0"}


def test_a_version_that_fails_its_smoke_test_never_gets_traffic(service: Service) -> None:
    smoke = [{"path": "/appointment/slots", "contains": "a word that it never says"}]
    with steady(service) as traffic:
        ran = service.deliver("2.1.0", service_delivery_smoke=smoke)
    traffic.report("smoke test failed")
    assert ran.code != 0
    assert "is not in the answer" in ran.text
    assert "1.0.0 serves; it never stopped" in ran.text
    assert traffic.lost == []
    assert set(traffic.versions()) == {"1.0.0"}
    assert set(service.images().values()) == {"1.0.0"}


@pytest.mark.parametrize("phase", ["start", "step"])
def test_a_killed_run_is_taken_up(service: Service, phase: str) -> None:
    version = "2.0.0" if phase == "start" else "1.1.0"
    with steady(service) as traffic:
        run = service.start(version)
        run.kill_when(lambda: service.reached(phase), f"phase {phase}")
        more(traffic, 30)
        assert not service.reached("kept")
        service.deliver(version).expect_success()
        assert service.reached("kept")
    traffic.report(f"killed in {phase}")
    assert traffic.lost == []
    assert traffic.versions(traffic.moments[-1][0] - 2) == {
        version: traffic.versions(traffic.moments[-1][0] - 2)[version]
    }
    again = service.deliver(version).expect_success()
    assert again.changed == [], "a second run finds nothing to do"


def test_a_version_that_errs_after_the_switch_is_taken_back(service: Service) -> None:
    before = service.colour()
    with steady(service, 20) as traffic:
        ran = service.deliver(
            "2.1.0", service_environment={"ERROR_RATE": "0.2"}, service_delivery_watch_seconds=300
        )
    traffic.report("20 % errors after the switch")
    assert ran.code != 0
    assert "was taken back" in ran.text or "errors" in ran.text
    assert service.colour() == before
    bad = traffic.versions().get("2.1.0", 0)
    print(f"   {bad} requests went to it")
    assert 0 < bad < 400
