"""Power goes; the cluster stays, or comes back by itself."""

from __future__ import annotations

from .harness import Lab, until
from .test_1_build import CONTROL_PLANES, WORKERS


def test_the_endpoint_answers_with_a_control_plane_without_power(lab: Lab) -> None:
    with lab.powered_off("khartoum-1"):
        for _attempt in range(5):
            until(
                lambda: lab.kubectl("get", "--raw", "/readyz", timeout=20) == "ok",
                60,
                "an API server answers",
            )
        until(lambda: "khartoum-1" not in lab.ready_nodes(), 120, "the node is seen as lost")
    until(lambda: "khartoum-1" in lab.ready_nodes(), 240, "the control plane came back by itself")


def test_all_machines_lose_power_at_once_and_the_cluster_comes_back(lab: Lab) -> None:
    lab.power("off")
    lab.power("on")
    until(lambda: sorted(lab.ready_nodes()) == sorted(CONTROL_PLANES + WORKERS), 300, "six nodes are Ready")
    until(lambda: lab.run("health").code == 0, 300, "the cluster is healthy")
