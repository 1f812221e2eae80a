"""Routes are asked as a client does, and what came back is told as it is."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.edge import answers, section
from ansible_collections.nilecare.platform.plugins.module_utils.edge.answers import Answer, Route
from edge_certificate import make_certificate


@dataclass
class Site:
    url: str
    authority: Path

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))


class Service(http.server.BaseHTTPRequestHandler):
    """Answers from three zones in turn, and with 503 below /broken."""

    zones = cycle(["bahri", "khartoum", "omdurman"])
    protocol_version = "HTTP/1.1"
    connections = 0

    def setup(self) -> None:
        super().setup()
        type(self).connections += 1

    def do_GET(self) -> None:
        body = json.dumps({"zone": next(self.zones)}).encode()
        if self.path == "/large":
            body += b" " * 2 * answers.LARGEST_BODY
        self.send_response(503 if self.path == "/broken" else 200)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/last":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        return


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    certificate, key = make_certificate(tmp_path_factory.mktemp("edge"), "api.nilecare.sd")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(f"https://api.nilecare.sd:{server.server_port}", certificate)
    server.shutdown()
    thread.join()
    server.server_close()


def test_zones_that_answer_are_counted(site: Site) -> None:
    (route,) = answers.ask_all([f"{site.url}/ehr"], {"edge-bahri": "127.0.0.1"}, site.context, 6, 5)
    assert route.zones == {"bahri": 2, "khartoum": 2, "omdurman": 2}
    assert not route.dead


@pytest.mark.parametrize("second, connections", [("/ehr", 1), ("/last", 2), ("/large", 2)])
def test_one_connection_serves_until_it_ends(site: Site, second: str, connections: int) -> None:
    before = Service.connections
    paths = ["/fhir", second, "/lab"]
    found = answers.ask([f"{site.url}{path}" for path in paths], "127.0.0.1", site.context, 5)
    assert [answer.status for answer in found] == [200, 200, 200]
    assert Service.connections - before == connections


def test_who_cannot_be_reached_is_tried_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def connect(target: tuple[str, int], timeout: float) -> None:
        tried.append((target, timeout))
        raise TimeoutError("timed out")

    monkeypatch.setattr(answers.socket, "create_connection", connect)
    found = answers.ask([f"{site.url}/ehr", f"{site.url}/lab"], "127.0.0.2", site.context, 5)
    assert [answer.error for answer in found] == ["timed out", "timed out"]
    assert len(tried) == 1


def test_a_silent_address_is_a_warning_and_names_itself(site: Site) -> None:
    addresses = {"edge-bahri": "127.0.0.1", "edge-khartoum": "127.0.0.2"}
    routes = answers.ask_all([f"{site.url}/ehr"], addresses, site.context, 1, 5)
    shown = section.section(routes, addresses)
    assert shown["state"] == "warning"
    assert shown["summary"] == "All 1 routes are answered, but no answer came through edge-khartoum."
    assert [cell["state"] for cell in shown["table"]["rows"][0][1:3]] == ["ok", "failed"]


def test_a_route_without_a_service_is_dead(site: Site) -> None:
    routes = answers.ask_all(
        [f"{site.url}/ehr", f"{site.url}/broken"], {"edge-bahri": "127.0.0.1"}, site.context, 1, 5
    )
    assert [route.dead for route in routes] == [False, True]
    assert answers.silence(routes[1]).endswith(
        "/broken is answered through no address: edge-bahri: status 503"
    )
    assert section.section(routes, {"edge-bahri": "127.0.0.1"})["state"] == "failed"


def test_a_certificate_for_another_name_is_no_answer(site: Site) -> None:
    url = site.url.replace("api.", "other.")
    (answer,) = answers.ask([url], "127.0.0.1", site.context, 5)
    assert not answer.good
    assert "other.nilecare.sd" in answer.error


@pytest.mark.parametrize(
    "status, good",
    [(0, False), (200, True), (308, True), (401, True), (404, True), (500, False), (503, False)],
)
def test_which_answers_count(status: int, good: bool) -> None:
    assert Answer(status).good is good


@pytest.mark.parametrize("body", [b"", b"plain", b"[]", b'{"zone": 3}', b"\xff"])
def test_answers_that_say_no_zone(body: bytes) -> None:
    assert answers.zone_of(body) == ""


def test_a_service_that_says_no_zone_is_shown(site: Site) -> None:
    routes = [Route("https://api.nilecare.sd/fhir", {"edge-bahri": [Answer(401)]})]
    shown = section.section(routes, {"edge-bahri": "10.77.3.200"})
    assert shown["state"] == "ok"
    assert shown["table"]["columns"] == ["URL", "edge-bahri 10.77.3.200", "Answered from"]
    assert shown["table"]["rows"] == [["https://api.nilecare.sd/fhir", {"text": "401", "state": "ok"}, "-"]]
