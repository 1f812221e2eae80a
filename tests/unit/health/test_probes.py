"""Probe pods: within the strictest Pod Security level, and their ends read right."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.health import probes
from ansible_collections.nilecare.platform.plugins.module_utils.health.probes import Outcome

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
SERVERS = {"khartoum": "10.244.1.5", "bahri": "fd00::5"}


def pods() -> list[dict[str, Any]]:
    return [
        probes.server("r", "khartoum", "khartoum-2", IMAGE, 60),
        probes.allowed_client("r", "khartoum", "khartoum-2", IMAGE, 60, SERVERS, "kubernetes.default.svc.x"),
        probes.denied_client("r", "khartoum", "khartoum-2", IMAGE, 60, "bahri", "10.244.2.5"),
    ]


@pytest.mark.parametrize("pod", pods(), ids=lambda pod: pod["metadata"]["name"])
def test_a_pod_is_restricted_limited_and_ends(pod: dict[str, Any]) -> None:
    spec = pod["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["seccompProfile"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["activeDeadlineSeconds"] == 60 and spec["restartPolicy"] == "Never"
    for container in spec["containers"]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]


def test_only_allowed_clients_carry_what_the_policy_asks_for() -> None:
    (peer,) = probes.policy("r")["spec"]["ingress"][0]["from"]
    wanted = peer["podSelector"]["matchLabels"].items()
    carrying = [pod["metadata"]["name"] for pod in pods() if wanted <= pod["metadata"]["labels"].items()]
    assert carrying == ["allowed-khartoum"]


def test_a_client_tries_every_server_and_a_name() -> None:
    arguments = {c["name"]: c["args"][-1] for c in pods()[1]["spec"]["containers"]}
    assert arguments == {
        "to-khartoum": "10.244.1.5:8080",
        "to-bahri": "[fd00::5]:8080",
        "lookup": "kubernetes.default.svc.x:443",
    }


def test_ends_are_read() -> None:
    statuses = [
        {"name": "a", "state": {"terminated": {"exitCode": 0}}},
        {"name": "b", "state": {"terminated": {"exitCode": 1, "message": "TIMEOUT\n"}}},
        {"name": "c", "state": {"running": {}}},
        {"name": "d", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
    ]
    assert probes.outcomes({"status": {"phase": "Running", "containerStatuses": statuses}}) == {
        "a": Outcome(True),
        "b": Outcome(False, "TIMEOUT"),
        "c": Outcome(None, "did not end in time"),
        "d": Outcome(False, "OOMKilled"),
    }


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}, ""),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "no such"}}}]},
            "ErrImagePull: no such",
        ),
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/6"}
                ]
            },
            "Unschedulable: 0/6",
        ),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
    ],
)
def test_trouble_is_said_in_kubernetes_words(status: dict[str, Any], said: str) -> None:
    assert probes.trouble({"status": status}) == said


def test_the_next_site() -> None:
    assert [probes.next_site(["k", "o", "b"], site) for site in ("k", "o", "b")] == ["o", "b", "k"]
