"""Nodes are emptied, certificates change, power goes; the platform goes on, or comes back by itself."""

from __future__ import annotations

import json
import time

import pytest

from .edge import SITES, leaving, serials, silent, zones_by_service
from .harness import DRAIN, NODES, Lab, until
from .traffic import Traffic

pytestmark = pytest.mark.usefixtures("platform")


def test_the_drain_of_a_node_at_night_loses_no_request(lab: Lab, traffic: Traffic) -> None:
    night = {"service_autoscaler": "none", "service_replicas": 2, "service_replicas_maximum": 2}
    lab.run("services", "--limit", "appointment", "-e", json.dumps(night)).expect_success()
    until(lambda: not leaving(lab, "appointment-service"), 90, "the third pod has ended")
    pods = lab.get("pods", "--namespace", "business", "--selector", "app=appointment-service")["items"]
    assert len(pods) == 2
    node = pods[0]["spec"]["nodeName"]
    traffic.falls_over = True
    try:
        with traffic:
            drain = ["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={DRAIN}s"]
            lab.kubectl(*drain, timeout=DRAIN + 60)
    finally:
        lab.kubectl("uncordon", node)
    assert traffic.lost == []
    lab.run("services", "--limit", "appointment").expect_success()


def test_pods_come_back_into_every_site(lab: Lab, traffic: Traffic) -> None:
    traffic.falls_over = True
    with traffic:
        lab.run("rebalance").expect_success()
    assert traffic.lost == []
    assert {service: found for service, found in zones_by_service(lab).items() if found != SITES} == {}
    # A site that has a pod of the edge again announces its address again.
    until(lambda: not silent(lab), 60, "every address of the edge takes connections")
    assert lab.run("rebalance").expect_success().changed == []


def test_a_renewed_certificate_is_taken_over_without_a_lost_request(lab: Lab, traffic: Traffic) -> None:
    (before,) = serials(lab)
    conditions = lab.get("certificate", "edge", "--namespace", "edge")["status"]["conditions"]
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    issuing = {"type": "Issuing", "status": "True", "reason": "Test", "message": "renewed before its time"}
    status = {"conditions": [*conditions, issuing | {"lastTransitionTime": moment}]}
    with traffic:
        change = ["--subresource=status", "--type=merge", "--patch", json.dumps({"status": status})]
        lab.kubectl("patch", "certificate", "edge", "--namespace", "edge", *change)
        until(lambda: before not in serials(lab), 240, "every address shows the new certificate")
    assert traffic.lost == []
    assert len(serials(lab)) == 1


def test_the_service_goes_on_with_a_site_without_power(lab: Lab, traffic: Traffic) -> None:
    traffic.falls_over = True
    with lab.powered_off("omdurman-1", "omdurman-2"), traffic:
        until(lambda: "omdurman-2" not in lab.ready_nodes(), 120, "the site is seen as lost")
        before = len(traffic.answers)
        until(lambda: len(traffic.answers) > before + 100, 120, "a hundred answers more")
        recovered = len(traffic.lost)
        until(lambda: len(traffic.answers) > before + 200, 120, "a hundred answers more")
        assert len(traffic.lost) == recovered, traffic.lost[-3:]
    print(f"\n   lost {len(traffic.lost)} of {len(traffic.lost) + len(traffic.answers)}: {traffic.lost[:3]}")
    assert {"khartoum", "bahri"} & set(traffic.count("zone"))
    until(lambda: lab.ready_nodes() == NODES, 240, "the site is back")


def test_the_endpoint_answers_with_a_control_plane_without_power(lab: Lab) -> None:
    with lab.powered_off("khartoum-1"):
        for _attempt in range(5):
            until(
                lambda: lab.kubectl("get", "--raw", "/readyz", timeout=20) == "ok",
                60,
                "an API server answers",
            )
        until(lambda: "khartoum-1" not in lab.ready_nodes(), 120, "the node is seen as lost")
    until(lambda: "khartoum-1" in lab.ready_nodes(), 240, "the control plane came back by itself")


def test_all_machines_lose_power_at_once_and_the_cluster_comes_back(lab: Lab) -> None:
    lab.power("off")
    lab.power("on")
    until(lambda: lab.ready_nodes() == NODES, 300, "six nodes are Ready")
    until(lambda: lab.run("health").code == 0, 300, "the cluster is healthy")
