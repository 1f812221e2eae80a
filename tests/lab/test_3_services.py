"""The platform's services, reached from outside over HTTPS."""

from __future__ import annotations

import json
import socket

import pytest

from .edge import HOST, SITES, zones_by_service
from .harness import DRAIN, Lab, until
from .traffic import Traffic


def test_every_service_is_ready_in_three_zones(lab: Lab) -> None:
    zones = zones_by_service(lab)
    assert len(zones) >= 17
    assert {service: found for service, found in zones.items() if found != SITES} == {}


def test_it_answers_from_three_zones(lab: Lab, traffic: Traffic) -> None:
    # A connection of the edge stays with the pod that it met, by chance, for ten seconds.
    with traffic:
        until(lambda: set(traffic.count("zone")) == SITES, 120, "an answer from every site")
    assert traffic.lost == []


def test_the_report_shows_which_sites_answered(lab: Lab) -> None:
    ran = lab.run("edge").expect_success()
    assert ran.changed == []
    (edge,) = [section for section in ran.report["sections"] if section["title"] == "Edge"]
    assert edge["state"] == "ok", edge
    rows = {row[0]["text"]: row[-1]["text"] for row in edge["tables"][0]["rows"]}
    sites = {part.split()[0] for part in rows[f"https://{HOST}/ehr"].split(", ")}
    # Which pods 24 requests meet is chance; that all three sites do answer is the test above.
    assert sites <= SITES
    assert len(sites) > 1


def test_a_forbidden_connection_fails_and_a_declared_one_works(lab: Lab) -> None:
    def connects(namespace: str, service: str, target: str) -> bool:
        host, _colon, port = target.partition(":")
        program = f"import socket; socket.create_connection(('{host}', {port}), 3)"
        command = ["exec", "--namespace", namespace, f"deployment/{service}", "--", "python3", "-c", program]
        try:
            lab.kubectl(*command)
        except AssertionError as error:
            assert "TimeoutError" in str(error) or "timed out" in str(error), error
            return False
        return True

    declared, forbidden = lab_dependencies(lab)
    assert connects("business", "appointment-service", declared)
    assert not connects("business", "appointment-service", forbidden)


def lab_dependencies(lab: Lab) -> tuple[str, str]:
    """An address that appointment declares to depend on, and one that it does not."""
    environment = lab.get("deployment", "appointment-service", "--namespace", "business")["spec"]["template"][
        "spec"
    ]
    urls = [e["value"] for e in environment["containers"][0]["env"] if e["name"].endswith("_URL")]
    declared = urls[0].removeprefix("http://").rstrip("/")
    other = lab.get("service", "cds-service", "--namespace", "clinical")
    return declared, f"cds-service.clinical:{other['spec']['ports'][0]['port']}"


def test_pods_and_nodes_are_measured(lab: Lab) -> None:
    nodes = set(lab.ready_nodes())

    def measured() -> bool:
        lines = lab.kubectl("top", "nodes", "--no-headers").splitlines()
        return {line.split()[0] for line in lines if "unknown" not in line} == nodes

    until(measured, 120, "CPU and memory of every node")

    def seen() -> list[str]:
        status = lab.get("hpa", "appointment-service", "--namespace", "business")["status"]
        metrics = [metric["resource"] for metric in status.get("currentMetrics") or []]
        return sorted(m["name"] for m in metrics if m["current"].get("averageUtilization") is not None)

    until(lambda: seen() == ["cpu", "memory"], 120, "the autoscaler sees CPU and memory of the pods")


def test_hl7_messages_are_acknowledged_outside_the_cluster(lab: Lab) -> None:
    service = lab.get("service", "hl7-service-external", "--namespace", "integration")
    address = service["status"]["loadBalancer"]["ingress"][0]["ip"]
    with socket.create_connection((address, 2575), 10) as line:
        for control in ("M-1", "M-2"):
            line.sendall(f"\x0bMSH|^~\\&|LAB|HOSPITAL|||2026||ORU^R01|{control}|P|2.5\r\x1c\r".encode())
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                received = line.recv(4096)
                assert received, f"hung up after {answer!r}"
                answer += received
            header, acknowledgement = answer.decode().strip("\x0b\x1c\r").split("\r")
            assert header.split("|")[2] == "hl7"
            assert header.split("|")[3] in SITES
            assert acknowledgement == f"MSA|AA|{control}"


def test_a_rolling_update_loses_no_request(lab: Lab, traffic: Traffic) -> None:
    with traffic:
        lab.run("services", "--limit", "appointment", "-e", "service_version=1.1.0").expect_success()
    assert traffic.lost == []
    assert set(traffic.count("version")) == {"1.0.0", "1.1.0"}


@pytest.mark.parametrize(
    ("fault", "variables"),
    [
        ("image", {"service_version": "9.9.9"}),
        ("readiness", {"service_version": "2.0.0", "service_environment": {"FAIL_READINESS": "true"}}),
        ("crash", {"service_version": "2.0.0", "service_environment": {"CRASH_SECONDS": "1"}}),
    ],
)
def test_a_bad_update_takes_itself_back(
    lab: Lab, traffic: Traffic, fault: str, variables: dict[str, object]
) -> None:
    with traffic:
        ran = lab.run(
            "services", "--limit", "appointment", "-e", json.dumps({"service_deadline": 40} | variables)
        )
    assert ran.code != 0
    assert "1.1.0" in ran.text
    assert traffic.lost == []
    assert set(traffic.count("version")) == {"1.1.0"}


def test_rollback_by_hand(lab: Lab, traffic: Traffic) -> None:
    with traffic:
        lab.run("rollback", "--limit", "appointment").expect_success()
        until(lambda: traffic.answers[-1][1].get("version") == "1.0.0", 60, "the earlier version answers")
    assert traffic.lost == []


def test_the_drain_of_a_node_loses_no_request(lab: Lab, traffic: Traffic) -> None:
    # The site's own address has no pod behind it while the site's only worker is drained.
    traffic.falls_over = True
    with traffic:
        try:
            drain = [
                "drain",
                "bahri-2",
                "--ignore-daemonsets",
                "--delete-emptydir-data",
                f"--timeout={DRAIN}s",
            ]
            lab.kubectl(*drain, timeout=DRAIN + 60)
        finally:
            lab.kubectl("uncordon", "bahri-2")
    assert traffic.lost == []
