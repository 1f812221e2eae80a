"""What a machine says, against real sockets."""

from __future__ import annotations

import datetime
import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.health import machine

from .test_certificates import UTC, make


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/v2/" else 503)
        self.end_headers()
        if self.path == "/readyz":
            self.wfile.write(b"[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n")

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_address_that_answers(url: str) -> None:
    said = machine.address(f"{url}/v2/", "", 2.0, "mirror")
    assert (said["ok"], said["status"], said["name"]) == (True, 200, "mirror")


def test_an_address_that_answers_with_an_error(url: str) -> None:
    said = machine.address(f"{url}/other", "", 2.0)
    assert (said["ok"], said["status"]) == (False, 503)
    assert "503" in said["error"]


def test_an_api_server_that_is_not_ready_says_why(url: str) -> None:
    assert machine.address(f"{url}/readyz", "", 2.0)["error"].endswith("because of etcd")


def test_a_closed_port_and_a_silent_one_end_in_time() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert machine.address(f"http://127.0.0.1:{port}/", "", 1.0)["ok"] is False
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        said = machine.address(f"http://127.0.0.1:{silent.getsockname()[1]}/", "", 0.3)
        assert said["ok"] is False and "timed out" in said["error"]


def test_a_missing_authority_is_an_error_of_that_address() -> None:
    said = machine.address("https://127.0.0.1:1/", "/no/such/ca.crt", 1.0)
    assert said["ok"] is False and "No such file" in said["error"]


def test_certificates_by_pattern(tmp_path: Path) -> None:
    end = datetime.datetime.now(UTC) + datetime.timedelta(days=40, hours=1)
    (tmp_path / "a.crt").write_bytes(make(end))
    (tmp_path / "b.crt").write_text("not one")
    paths = machine.expand([f"{tmp_path}/*.crt", f"{tmp_path}/c*.pem"])
    said = {Path(one["path"]).name: one for one in map(machine.certificate, paths)}
    assert said["a.crt"]["days"] == pytest.approx(40, abs=0.1)
    assert "no certificate" in said["b.crt"]["error"]
    assert "No such file" in said["c*.pem"]["error"]


def test_etcd_without_its_files_is_an_error_and_no_exception(tmp_path: Path) -> None:
    assert "No such file" in machine.etcd("https://127.0.0.1:2379", str(tmp_path), 1.0)["error"]
