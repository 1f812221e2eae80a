"""The next control plane, under load; and what a proxy costs."""

from __future__ import annotations

import json
import statistics

from tests.lab.edge import traffic_to
from tests.lab.harness import Lab, until

from .mesh import EHR, EHR_PORT, Answer, Mesh

NEXT = "next"


def revisions(mesh: Mesh) -> set[str]:
    """Control planes that serve the pods of the services and of the edge."""
    places = (("clinical", "ehr-service"), ("infrastructure", "gateway-service"), ("edge", "edge"))
    return {
        pod["metadata"]["annotations"]["istio.io/rev"]
        for namespace, app in places
        for pod in mesh.pods(namespace, app)
    }


def test_what_a_proxy_costs(lab: Lab, mesh: Mesh) -> None:
    """Two pods of the same program, with and without the mesh between them; figures, and a wide bound."""
    mesh.pod("bare-server", "default", "bare-server", injected=False, serve=8080)
    mesh.pod("bare-client", "default", "bare-client", injected=False)
    address = lab.get("pod", "bare-server", "--namespace", "default")["status"]["podIP"]
    gateway = sorted(pod["metadata"]["name"] for pod in mesh.pods("infrastructure", "gateway-service"))[0]
    proxies = [("infrastructure", gateway)]
    proxies += [("clinical", pod["metadata"]["name"]) for pod in mesh.pods("clinical", "ehr-service")]

    def used() -> tuple[float, float]:
        proxy = sum(mesh.processor_seconds(pod, where, "istio-proxy") for where, pod in proxies)
        own = sum(mesh.processor_seconds(pod, "clinical", "ehr-service") for where, pod in proxies[1:])
        return proxy, own

    def bare(count: int) -> list[Answer]:
        return mesh.calls("bare-client", "default", host=address, port=8080, count=count)

    bare(200), mesh.from_gateway(count=200)
    before = used()
    without, within = [], []
    for _turn in range(4):  # in turns, because other things run on this machine
        without += bare(250)
        within += mesh.from_gateway(count=250)
    after = used()
    proxy, own = after[0] - before[0], after[1] - before[1]
    assert {answer.status for answer in [*without, *within]} == {200}

    def milliseconds(answers: list[Answer], percent: int) -> float:
        return statistics.quantiles([answer.seconds * 1000 for answer in answers], n=100)[percent - 1]

    for percent in (50, 95, 99):
        one, other = milliseconds(without, percent), milliseconds(within, percent)
        times = f"{other / one:.1f} times"
        print(f"\n   p{percent}: {one:.1f} ms without, {other:.1f} ms with both proxies: {times}", end="")
    print(f"\n   CPU of 1000 requests: service {own:.2f} s, both sides' proxies {proxy:.2f} s", end="")
    print(f": {proxy / own:.1f} times")
    assert milliseconds(within, 50) < 20 * milliseconds(without, 50)
    mesh.clean()


def test_an_upgrade_whose_pods_do_not_start_is_taken_back(lab: Lab, mesh: Mesh) -> None:
    """The next control plane gives proxies that fit on no machine."""
    (before,) = revisions(mesh)
    terms = {
        "istio_revision": "too-large",
        "istio_proxy_resources": {"requests": {"cpu": "64"}, "limits": {"cpu": "64"}},
        "istio_wait_seconds": 60,
    }
    with traffic_to(lab, "/ehr/patients") as traffic:
        ran = lab.run("istio_upgrade", "-e", json.dumps(terms))
    print(f"\n   {len(traffic.answers)} requests answered, {len(traffic.lost)} lost")
    assert ran.code != 0
    assert f"The tag names {before} again. Moved already: none." in " ".join(ran.text.split())
    assert "Insufficient cpu" in ran.text
    assert traffic.lost == []
    assert revisions(mesh) == {before}
    assert [answer.status for answer in mesh.from_gateway(count=3, host=EHR, port=EHR_PORT)] == [200] * 3


def test_an_upgrade_of_istiod_loses_no_request(lab: Lab, mesh: Mesh) -> None:
    before = revisions(mesh)
    assert len(before) == 1
    assert NEXT not in before
    with traffic_to(lab, "/ehr/patients") as traffic:
        until(lambda: len(traffic.answers) > 20, 60, "requests are answered")
        lab.run("istio_upgrade", "-e", f"istio_revision={NEXT}").expect_success()
    print(f"\n   {len(traffic.answers)} requests answered, {len(traffic.lost)} lost")
    assert traffic.lost == []
    assert revisions(mesh) == {NEXT}
    labels = [pod["metadata"]["labels"]["istio.io/rev"] for pod in mesh.pods("istio-system", "istiod")]
    assert labels == [NEXT, NEXT]


def test_a_second_upgrade_changes_nothing(lab: Lab, mesh: Mesh) -> None:
    ran = lab.run("istio_upgrade", "-e", f"istio_revision={NEXT}").expect_success()
    assert ran.changed == []
    assert [answer.status for answer in mesh.from_gateway(count=3, host=EHR, port=EHR_PORT)] == [200] * 3
