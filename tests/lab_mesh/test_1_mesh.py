"""The mesh as it is built: pods under Pod Security restricted, certificates, who may call whom, shares."""

from __future__ import annotations

import json

import pytest

from tests.lab.harness import Lab

from .mesh import EHR, EHR_PORT, SERVICES, Mesh

SUBSETS = {"now": {"version": "1.0.0"}, "next": {"version": "2.0.0"}}
ROUTES = [{"header": "x-user-role", "value": "physician", "subset": "next"}]


def test_the_playbooks_change_nothing_a_second_time(lab: Lab, mesh: Mesh) -> None:
    for playbook, arguments in (("mesh", ()), ("services", ("--limit", SERVICES)), ("edge", ())):
        ran = lab.run(playbook, *arguments).expect_success()
        assert ran.changed == [], playbook


def test_pods_have_their_proxy_under_pod_security_restricted(lab: Lab, mesh: Mesh) -> None:
    for namespace, app in (
        ("clinical", "ehr-service"),
        ("infrastructure", "gateway-service"),
        ("edge", "edge"),
    ):
        labels = lab.get("namespace", namespace)["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        pods = mesh.pods(namespace, app)
        assert pods
        for pod in pods:
            states = [
                *pod["status"]["containerStatuses"],
                *[s for s in pod["status"]["initContainerStatuses"] if s["name"] == "istio-proxy"],
            ]
            assert [state["ready"] for state in states] == [True, True], pod["metadata"]["name"]
            added = {
                capability
                for container in [*pod["spec"]["containers"], *pod["spec"]["initContainers"]]
                for capability in container["securityContext"].get("capabilities", {}).get("add", [])
            }
            assert not added


def test_two_istiod_are_in_two_sites_and_can_be_drained(lab: Lab, mesh: Mesh) -> None:
    pods = mesh.pods("istio-system", "istiod")
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 2
    budgets = lab.get("poddisruptionbudgets", "--namespace", "istio-system")["items"]
    assert [budget["spec"].get("maxUnavailable") for budget in budgets] == [1]


def test_a_declared_caller_is_answered(mesh: Mesh) -> None:
    assert [answer.status for answer in mesh.from_gateway(count=5)] == [200] * 5


def test_who_did_not_declare_it_gets_403(mesh: Mesh) -> None:
    """The network lets it through, because of the label; its certificate is another account's."""
    mesh.pod("stranger", "infrastructure", "gateway-service", injected=True)
    answers = mesh.calls("stranger", "infrastructure", count=3, container="probe")
    assert [answer.status for answer in answers] == [403] * 3


def test_a_plain_connection_fails(mesh: Mesh) -> None:
    mesh.pod("plain", "infrastructure", "gateway-service", injected=False)
    answers = mesh.calls("plain", "infrastructure", count=3)
    assert [answer.status for answer in answers] == [0] * 3
    assert {answer.version for answer in answers} <= {"ConnectionResetError", "RemoteDisconnected"}


def test_whom_the_network_does_not_know_gets_no_answer_at_all(lab: Lab, mesh: Mesh) -> None:
    mesh.pod("outsider", "infrastructure", "outsider", injected=False)
    program = f"import socket; socket.create_connection(('{EHR}', {EHR_PORT}), 3)"
    command = ["exec", "--namespace", "infrastructure", "outsider", "--", "python3", "-c", program]
    with pytest.raises(AssertionError, match=r"TimeoutError|timed out"):
        lab.kubectl(*command)


def test_shares_and_headers_steer_requests(lab: Lab, mesh: Mesh) -> None:
    mesh.more_of_ehr("ehr-next", 1, "2.0.0", {})
    rules = {
        "service_mesh_subsets": SUBSETS,
        "service_mesh_weights": {"now": 90, "next": 10},
        "service_mesh_routes": ROUTES,
    }
    try:
        lab.run("services", "--limit", "ehr", "-e", json.dumps(rules)).expect_success()
        shares = mesh.from_gateway(count=600)
        assert {answer.status for answer in shares} == {200}
        new = sum(answer.version == "2.0.0" for answer in shares)
        print(f"\n   90/10: {600 - new} to 1.0.0, {new} to 2.0.0 of 600")
        # 60 expected, standard deviation 7.3: four of them on both sides.
        assert 31 <= new <= 89
        doctors = mesh.from_gateway(count=50, headers={"x-user-role": "physician"})
        assert {answer.version for answer in doctors} == {"2.0.0"}
    finally:
        mesh.clean()
        lab.run("services", "--limit", "ehr").expect_success()
