"""Prometheus in the lab: it comes once and sees everything; its figures are in report and health."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.prometheus import Prometheus
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client

from tests.lab.harness import Lab, until

from .mesh import Mesh

# What must answer, and how often on three nodes with one Prometheus
TARGETS = {
    "api-servers": 3,
    "controller-manager": 3,
    "scheduler": 3,
    "etcd": 3,
    "kubelets": 3,
    "nodes": 3,
    "calico": 3,
    "edge": 3,
    "prometheus": 1,
}


@pytest.fixture(scope="module")
def watched(mesh: Mesh) -> Lab:
    """The lab with monitoring, and NGINX with its exporter."""
    lab = mesh.lab
    lab.environment["NILECARE_LAB_MONITORING"] = "1"
    lab.run("monitoring").expect_success()
    lab.run("edge").expect_success()
    return lab


@pytest.fixture
def prometheus(watched: Lab) -> Iterator[Prometheus]:
    kubeconfig = str(watched.state / "kubeconfig")
    with Client.from_kubeconfig(kubeconfig) as client:
        asked = Prometheus(client, kubeconfig, "monitoring")
        yield asked
        asked.close()


def up(prometheus: Prometheus) -> dict[str, int]:
    """How many targets answer, by job."""
    found = prometheus.query("sum by (job) (up)")
    return {entry["metric"]["job"]: int(float(entry["value"][1])) for entry in found}


def test_a_second_run_changes_nothing(watched: Lab) -> None:
    for playbook in ("monitoring", "edge"):
        again = watched.run(playbook).expect_success()
        assert again.changed == []


def test_every_target_answers(prometheus: Prometheus) -> None:
    def missing() -> dict[str, int]:
        seen = up(prometheus)
        return {job: seen.get(job, 0) for job, wanted in TARGETS.items() if seen.get(job, 0) < wanted}

    with contextlib.suppress(AssertionError):
        until(lambda: not missing(), 300, "every target")
    assert missing() == {}
    for series in (
        "workqueue_depth",
        'scheduler_pending_pods{queue="unschedulable"}',
        "etcd_server_has_leader",
        "nginx_connections_accepted",
        "edge:http_requests:rate5m",
    ):
        until(lambda: bool(prometheus.query(series)), 180, series)  # noqa: B023


@pytest.mark.parametrize("job", ["controller-manager", "scheduler", "etcd"])
def test_metrics_of_the_control_plane_are_for_who_may_read_them(watched: Lab, job: str) -> None:
    node = watched.get("node", "khartoum-1")
    (address,) = (a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
    context = ssl.create_default_context(cafile=str(watched.state / "ca" / "ca.crt"))
    context.check_hostname = False  # the address stands in no certificate

    def status(token: str) -> int:
        connection = http.client.HTTPSConnection(address, 9381, timeout=10, context=context)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", f"/{job}/metrics", headers=headers)
        return connection.getresponse().status

    def token(account: str, namespace: str) -> str:
        return watched.kubectl("create", "token", account, "--namespace", namespace).strip()

    assert status("") in (401, 403)
    assert status("nobody") == 401
    assert status(token("default", "monitoring")) == 403
    assert status(token("prometheus", "monitoring")) == 200


def sections(report: dict[str, Any]) -> dict[str, Any]:
    return {section["title"]: section for section in report["sections"]}


def test_report_and_health_say_what_services_answer(mesh: Mesh, watched: Lab, prometheus: Prometheus) -> None:
    mesh.from_gateway(count=200, rate=20)
    query = 'service:http_requests:rate5m{service="ehr-service"} > 0'
    until(lambda: bool(prometheus.query(query)), 120, "requests to ehr in Prometheus")
    ran = watched.run("services", "--limit", "ehr", "-e", "service_strategy=rolling").expect_success()
    assert ran.changed == []
    (table,) = (t for t in sections(ran.report)["Service levels"]["tables"] if t["columns"][0] == "Service")
    (ehr,) = (row for row in table["rows"] if row[0]["text"] == "ehr-service")
    print("   ehr:", [cell["text"] for cell in ehr], flush=True)
    assert float(ehr[1]["text"]) > 0
    assert all(cell["text"] != "-" for cell in ehr)
    health = watched.run("health")
    assert "Service levels" in sections(health.report)
    found = json.loads((watched.state / "health.json").read_text())
    assert any(c["area"] == "monitoring" and c["ok"] for c in found["checks"])
    assert {level["service"] for level in found["levels"]} >= {"ehr-service", "gateway-service"}
