"""Passing failures are waited for, others are told at once; connections are kept."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import (
    ApiError,
    ClusterUnreachable,
)
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.kubeconfig import Endpoint
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.transport import (
    Transport,
    is_transient,
)

Answer = tuple[int, dict[str, str], Any]


class Script(ThreadingHTTPServer):
    """Answers requests from a list; an answer of None breaks the connection."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer | None] = []
        self.requests: list[tuple[str, str]] = []
        self.connections = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Script

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path))
        scripted = self.server.answers.pop(0) if self.server.answers else (200, {}, {})
        if scripted is None:
            self.close_connection = True
            self.connection.close()
            return
        status, headers, body = scripted
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PATCH = do_POST = do_DELETE = answer  # noqa: N815

    def log_message(self, *arguments: Any) -> None: ...


@pytest.fixture
def script() -> Iterator[Script]:
    server = Script()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def client_of(script: Script, patience: float = 5.0) -> Client:
    return Client(Transport(Endpoint("127.0.0.1", script.server_address[1]), patience))


def failure(
    status: int, message: str = "", headers: dict[str, str] | None = None, reason: str = ""
) -> Answer:
    return status, headers or {}, {"kind": "Status", "message": message, "reason": reason}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        failure(429, "too many requests"),
        failure(503, "unavailable"),
        failure(500, "etcdserver: request timed out"),
        failure(500, "etcdserver: leader changed"),
        failure(500, 'Internal error occurred: failed calling webhook "x": connection refused'),
        failure(409, "Operation cannot be fulfilled on x: the object has been modified"),
        failure(403, 'pods "x" is forbidden: status unknown for quota: a'),
    ],
)
def test_passing_failures_are_tried_again(script: Script, answer: Answer | None) -> None:
    script.answers = [answer, answer, (200, {}, {"kind": "ConfigMap"})]
    assert client_of(script).request("PATCH", "/x", body={})["kind"] == "ConfigMap"
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        failure(400, "unknown field"),
        failure(401, "Unauthorized"),
        failure(403, "forbidden"),
        failure(404, "not found"),
        failure(409, 'conflict with "kubectl"'),
        failure(422, "invalid"),
        failure(500, "panic"),
    ],
)
def test_other_failures_are_told_at_once(script: Script, answer: Answer) -> None:
    script.answers = [answer]
    with pytest.raises(ApiError) as caught:
        client_of(script).request("PATCH", "/x", body={})
    assert caught.value.status == answer[0] and len(script.requests) == 1


def test_patience_ends(script: Script) -> None:
    script.answers = [failure(503, "the server is busy")] * 100
    with pytest.raises(ApiError, match="the server is busy"):
        client_of(script, patience=0.5).request("GET", "/x")
    assert 1 < len(script.requests) < 100


def test_retry_after_is_obeyed(script: Script) -> None:
    script.answers = [failure(429, "slow down", {"Retry-After": "1"})]
    began = time.monotonic()
    client_of(script).request("GET", "/x")
    assert time.monotonic() - began >= 1.0


def test_a_creation_that_may_have_happened_is_not_repeated(script: Script) -> None:
    script.answers = [None]
    with pytest.raises(ClusterUnreachable, match="broke the connection during POST"):
        client_of(script).request("POST", "/x", body={})
    assert len(script.requests) == 1


def test_connections_are_kept(script: Script) -> None:
    client = client_of(script)
    for _attempt in range(5):
        client.request("GET", "/x")
    assert script.connections == 1


def test_an_idle_connection_that_was_closed_costs_no_pause(script: Script) -> None:
    client = client_of(script, patience=0)
    client.request("GET", "/x")
    script.answers = [None]
    client.request("GET", "/x")
    assert script.connections == 2


def test_map_keeps_the_order_and_uses_threads(script: Script) -> None:
    client = client_of(script)
    client.connections = 3
    assert client.map(lambda number: (client.request("GET", f"/{number}"), number)[1], range(9)) == list(
        range(9)
    )
    assert script.connections <= 3
    client.close()


def test_nobody_there() -> None:
    with pytest.raises(ClusterUnreachable, match=r"http://127.0.0.1:1 does not answer: connection refused"):
        Transport(Endpoint("127.0.0.1", 1), patience=0).request("GET", "/x")


def test_field_conflicts_do_not_pass_by_themselves() -> None:
    assert not is_transient(ApiError(409, "Conflict", 'Apply failed with 1 conflict: conflict with "x"'))
