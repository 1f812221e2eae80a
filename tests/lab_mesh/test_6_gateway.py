"""The routes as Ingress objects: the mesh's gateway serves them in NGINX's place, and gives them back."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator

import pytest

from tests.lab.edge import HOST, SITES, authority, edge_addresses, serials, traffic_to
from tests.lab.harness import Lab, Ran, until
from tests.lab.traffic import Traffic, connect

from .mesh import Mesh

ISTIO = ("-e", "edge_output=istio")
PATH = "/appointment/slots"


def edge_pods(mesh: Mesh) -> set[str]:
    """Names of the Deployments whose pods stand behind the edge's addresses."""
    return {pod["metadata"]["name"].rsplit("-", 2)[0] for pod in mesh.pods("edge", "edge")}


@pytest.fixture(scope="module")
def switched(lab: Lab, mesh: Mesh) -> Iterator[tuple[Ran, Traffic]]:
    """The edge after it was handed to the gateway, and what clients saw of it."""
    with traffic_to(lab, PATH) as traffic:
        ran = lab.run("edge", *ISTIO).expect_success()
    yield ran, traffic
    lab.run("edge").expect_success()


def test_the_gateway_takes_over_without_a_lost_request(mesh: Mesh, switched: tuple[Ran, Traffic]) -> None:
    _ran, traffic = switched
    print(f"   {len(traffic.answers)} answers", flush=True)
    assert traffic.lost == []
    until(lambda: edge_pods(mesh) == {"edge-gateway"}, 90, "NGINX has ended")
    namespace = mesh.lab.get("namespace", "edge")["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_route_is_answered_through_every_address(lab: Lab, switched: tuple[Ran, Traffic]) -> None:
    ran, _traffic = switched
    (edge,) = [section for section in ran.report["sections"] if section["title"] == "Edge"]
    assert edge["state"] == "ok", edge
    assert len(edge["tables"][0]["rows"]) == 5
    with traffic_to(lab, PATH) as traffic:
        until(lambda: set(traffic.count("zone")) == SITES, 120, "an answer from every site")
    assert traffic.lost == []


def test_clients_see_the_same_certificate_and_another_server(lab: Lab, switched: tuple[Ran, Traffic]) -> None:
    assert len(serials(lab)) == 1
    context = ssl.create_default_context(cafile=authority(lab))
    # Envoy hangs up on names that no route has.
    with pytest.raises(OSError, match=r"reset|EOF|certificate"):
        connect(edge_addresses(lab), "api.elsewhere.sd", context)
    line = connect(edge_addresses(lab), HOST, context)
    servers = [header(line, path) for path in ("/ehr", "/nothing-here")]
    line.close()
    assert servers == [(200, "istio-envoy"), (404, "istio-envoy")]


def header(line: http.client.HTTPSConnection, path: str) -> tuple[int, str]:
    """Status and server of an answer."""
    line.request("GET", path)
    answer = line.getresponse()
    answer.read()
    return answer.status, answer.getheader("server", "")


def test_a_second_run_changes_nothing(lab: Lab, switched: tuple[Ran, Traffic]) -> None:
    assert lab.run("edge", *ISTIO).expect_success().changed == []


def test_nginx_takes_over_again_without_a_lost_request(
    lab: Lab, mesh: Mesh, switched: tuple[Ran, Traffic]
) -> None:
    with traffic_to(lab, PATH) as traffic:
        lab.run("edge").expect_success()
    assert traffic.lost == []
    until(lambda: edge_pods(mesh) == {"edge"}, 90, "the gateway has ended")
    assert lab.get("ingresses", "--all-namespaces")["items"] == []
    assert lab.run("edge").expect_success().changed == []
