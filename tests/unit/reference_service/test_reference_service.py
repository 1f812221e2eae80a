"""The reference service keeps the contract of docs/service-contract.md."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[2] / "reference_service"))

from reference_service import mllp
from reference_service.application import application
from reference_service.settings import Settings


def client(**environment: str) -> TestClient:
    settings = Settings.read(
        {"SERVICE_NAME": "ehr", "SERVICE_VERSION": "2.1.0", "ZONE": "bahri", **environment}
    )
    return TestClient(application(settings, crash=lambda: None))


@pytest.fixture
def listener() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_answers_who_and_where_it_is() -> None:
    answer = client().get("/patients/7", headers={"X-Forwarded-For": "10.9.8.7"})
    assert answer.status_code == 200
    assert answer.json() == {
        "service": "ehr",
        "version": "2.1.0",
        "zone": "bahri",
        "node": "",
        "path": "/patients/7",
        "caller": "10.9.8.7",
    }


def test_is_alive_before_it_has_started_but_neither_started_nor_ready() -> None:
    slow = client(START_SECONDS="60")
    assert slow.get("/health").status_code == 200
    assert slow.get("/health/startup").status_code == 503
    assert slow.get("/health/ready").status_code == 503


def test_is_ready_while_its_dependency_takes_connections(listener: str) -> None:
    answer = client(SERVICE_DEPENDENCIES=listener).get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {listener: True}


def test_is_not_ready_without_its_dependency() -> None:
    answer = client(SERVICE_DEPENDENCIES="127.0.0.1:1").get("/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not_ready", "checks": {"127.0.0.1:1": False}}


def test_can_be_told_never_to_be_ready() -> None:
    assert client(FAIL_READINESS="true").get("/health/ready").status_code == 503


@pytest.mark.parametrize(("rate", "status"), [("0", 200), ("1", 500)])
def test_errs_at_the_rate_it_is_told(rate: str, status: int) -> None:
    assert client(ERROR_RATE=rate).get("/").status_code == status


def test_refuses_an_error_rate_that_is_no_share() -> None:
    with pytest.raises(ValueError, match="expected a share from 0 to 1"):
        Settings.read({"ERROR_RATE": "20"})


def test_counts_what_it_answered_and_not_its_probes() -> None:
    service = client()
    service.get("/a")
    service.post("/b")
    service.get("/health")
    text = service.get("/metrics").text
    assert 'http_requests_total{method="GET",status="200"} 1.0' in text
    assert 'http_requests_total{method="POST",status="200"} 1.0' in text
    assert 'http_request_duration_seconds_bucket{le="0.05",method="GET"}' in text
    assert "http_connections_open 0.0" in text
    assert 'cache_lookups_total{result="miss"} 2.0' in text


MOMENT = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


def test_acknowledges_a_message_with_its_control_id() -> None:
    settings = Settings.read({"SERVICE_NAME": "hl7", "ZONE": "bahri"})
    message = rb"MSH|^~\&|LAB|OMDURMAN|HL7|PLATFORM|20261128||ORU^R01|M-17|P|2.5" + b"\rPID|1\r"
    assert mllp.acknowledgement(message, settings, MOMENT) == (
        rb"MSH|^~\&|hl7|bahri|LAB|OMDURMAN|20261128120000+0000||ACK|M-17|P|2.5" + b"\rMSA|AA|M-17\r"
    )


@pytest.mark.parametrize("message", [b"", b"GET / HTTP/1.1", b"MSH|", b"MSH|^~"])
def test_refuses_what_is_no_message(message: bytes) -> None:
    assert b"\rMSA|AR|\r" in mllp.acknowledgement(message, Settings.read({}), MOMENT)


def test_answers_several_messages_on_a_connection_and_hangs_up_on_rubbish() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with client(MLLP_PORT=str(port)), socket.create_connection(("127.0.0.1", port), 5) as line:
        for control in (b"1", b"2"):
            line.sendall(b"\x0bMSH|^~\\&|A|B|C|D|E||ACK|" + control + b"|P|2.5\r\x1c\r")
            assert b"MSA|AA|" + control in line.recv(4096)
        line.sendall(b"x" * (mllp.LIMIT + 100))
        line.shutdown(socket.SHUT_WR)
        assert line.recv(10) == b""
