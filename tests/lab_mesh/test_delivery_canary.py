"""Canaries in the lab under traffic, judged by what Prometheus saw: good, erring, slow, unseen, killed.

On a lab that stands with the mesh, monitoring, and services auth and gateway in it.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.numbers import at_least

from tests.lab.harness import Lab, Ran, until

from .delivery import Service, edge_in_mesh, more, steady

RATE = 20.0
# The chance of a split that is as it should be to look as if it were not.
DOUBT = 0.0005


@pytest.fixture(scope="module")
def service() -> Service:
    lab = Lab()
    lab.environment |= {"NILECARE_LAB_MESH": "1", "NILECARE_LAB_MONITORING": "1"}
    terms = {
        "service_strategy": "canary",
        "service_delivery_hold_seconds": 30,
        "service_delivery_keep_seconds": 0,
        "service_delivery_no_data_seconds": 60,
        "service_delivery_minimum_requests": 30,
    }
    caller = None if edge_in_mesh(lab) else ("infrastructure", "gateway-service")
    return Service(lab, "auth", "infrastructure", "/auth/session", terms, 3001, caller)


@pytest.fixture
def stable(service: Service) -> Service:
    """The service with one version in charge of everything, brought there without waiting for a verdict."""
    if not service.colour():
        quick = {"service_delivery_steps": ["100"], "service_delivery_hold_seconds": 5}
        with steady(service, RATE):
            service.deliver("1.0.0", service_delivery_no_data_seconds=90, **quick).expect_success()
    assert len(service.images()) == 1
    return service


def serving(service: Service) -> str:
    """The one version that serves."""
    (version,) = set(service.images().values())
    return version


def steps(ran: Ran, service: Service) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.state()["record"]
    for entry in found:
        print(f"   {entry}", flush=True)
    return found


def test_a_good_canary_loses_nothing_and_gets_its_shares(stable: Service) -> None:
    version = "1.0.0" if serving(stable) == "2.0.0" else "2.0.0"
    with steady(stable, RATE) as traffic:
        ran = stable.deliver(version).expect_success()
    traffic.report(f"good canary in {ran.seconds:.0f} s")
    record = steps(ran, stable)
    assert traffic.lost == []
    assert [entry["step"] for entry in record] == ["header", "10 %", "25 %", "50 %", "100 %"]
    assert record[0]["requests_new"] == 0, "nobody sent the header"
    offset = time.time() - time.monotonic()
    for entry, share in zip(record[1:4], (0.10, 0.25, 0.50), strict=True):
        # As the callers saw it; Prometheus sees each pod at a moment of its own. Proxies hear within 3 s.
        began = entry["began"] - offset
        seen = traffic.versions(began + 3, began + entry["held"])
        new, all_of_them = seen.get(version, 0), sum(seen.values())
        print(f"   {entry['step']}: {new} of {all_of_them} were answered by {version}", flush=True)
        assert at_least(new, all_of_them, share) > DOUBT, seen
        assert at_least(all_of_them - new, all_of_them, 1 - share) > DOUBT, seen
    assert serving(stable) == version


def test_a_canary_that_errs_is_taken_back(stable: Service) -> None:
    before = serving(stable)
    with steady(stable, RATE) as traffic:
        ran = stable.deliver(
            "2.1.0",
            service_environment={"ERROR_RATE": "0.05"},
            service_delivery_hold_seconds=120,
            service_delivery_steps=["25", "50", "100"],
        )
    record = steps(ran, stable)
    asked = sum(entry["requests_new"] for entry in record)
    seen = sum(1 for _moment, status, _version in traffic.moments if status >= 500)
    traffic.report("5 % errors")
    print(f"   taken back after {asked} requests to it; users saw {seen} of {len(traffic.moments)} fail")
    assert ran.code != 0
    assert "errors" in stable.state()["reason"]
    assert asked < 1000
    assert serving(stable) == before


def test_a_slow_canary_is_taken_back(stable: Service) -> None:
    before = serving(stable)
    with steady(stable, RATE) as traffic:
        ran = stable.deliver(
            "2.1.0",
            service_environment={"DELAY_SECONDS": "0.5"},
            service_delivery_steps=["25", "50", "100"],
        )
    steps(ran, stable)
    traffic.report("slow")
    assert ran.code != 0
    assert "p95" in stable.state()["reason"]
    assert traffic.lost == []
    assert serving(stable) == before


def test_without_traffic_it_is_held_and_taken_back(stable: Service) -> None:
    before = serving(stable)
    ran = stable.deliver("2.1.0", service_delivery_steps=["10", "100"], service_delivery_no_data_seconds=20)
    steps(ran, stable)
    assert ran.code != 0
    assert "no verdict after" in stable.state()["reason"]
    assert serving(stable) == before


def test_a_run_that_is_killed_in_a_step_is_taken_up(stable: Service) -> None:
    version = "1.0.0" if serving(stable) == "1.1.0" else "1.1.0"
    with steady(stable, RATE) as traffic:
        run = stable.start(version, service_delivery_steps=["25", "100"])
        run.kill_when(lambda: stable.reached("step"), "the first step")
        more(traffic, 50)
        ran = stable.deliver(version, service_delivery_steps=["25", "100"]).expect_success()
    traffic.report("killed in a step")
    steps(ran, stable)
    assert traffic.lost == []
    assert serving(stable) == version


def test_it_is_held_and_promoted_by_hand(stable: Service) -> None:
    version = "1.0.0" if serving(stable) == "1.1.0" else "1.1.0"
    terms = {"service_delivery_steps": ["25", "100"], "service_delivery_hold_seconds": 20}
    with steady(stable, RATE) as traffic:
        run = stable.start(version, **terms)
        until(lambda: stable.reached("step"), 300, "the first step")
        stable.command("pause").expect_success()
        time.sleep(40)
        assert stable.state()["step"] == 0, "it went on although it is held"
        said = stable.command("status").expect_success()
        assert "wanted by hand: pause" in said.text
        began = time.monotonic()
        stable.command("promote").expect_success()
        until(lambda: stable.reached("step", 1) or stable.reached("kept"), 30, "the next step")
        print(f"   the next step began {time.monotonic() - began:.0f} s after promote was run", flush=True)
        ran = run.wait().expect_success()
    traffic.report("paused, promoted")
    record = steps(ran, stable)
    assert [entry["step"] for entry in record] == ["25 %", "100 %"]
    assert record[0]["held"] >= 40
    assert traffic.lost == []
    assert serving(stable) == version


def test_the_header_leads_to_the_new_version_through_the_edge(stable: Service) -> None:
    assert stable.caller is None, "the edge is not in the mesh"
    version = "1.0.0" if serving(stable) == "2.0.0" else "2.0.0"
    old = serving(stable)
    terms = {"service_delivery_steps": ["header", "100"], "service_delivery_hold_seconds": 600}
    with steady(stable, RATE) as traffic:
        run = stable.start(version, **terms)
        until(lambda: stable.reached("step"), 300, "the step of the header")
        header = {"x-canary": "true"}
        until(lambda: stable.version(header) == version, 60, "the proxies know the header's route")
        chosen = {stable.version(header) for _number in range(20)}
        others = {stable.version({}) for _number in range(20)}
        stable.command("abort").expect_success()
        assert run.wait().code != 0
    assert (chosen, others) == ({version}, {old})
    assert traffic.lost == []
    assert serving(stable) == old
