# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Readiness in words, and pods that a drain moves."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import drain, readiness


def node(name: str, ready: str = "True", version: str = "v1.36.3") -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "reason": "KubeletNotReady", "message": "cni plugin"}
    return {
        "metadata": {"name": name},
        "status": {"conditions": [condition], "nodeInfo": {"kubeletVersion": version}},
    }


def pod(ready: str, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "kube-system", "name": "p"},
        "spec": {"nodeName": "k1"},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}], **status},
    }


def waiting(reason: str, message: str) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"containerStatuses": [{"name": "c", "state": state}]}


ENDED = {"containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 2}}}]}
UNSCHEDULED = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "taint"}]}


def test_each_node_that_is_not_as_wished_is_named_with_its_reason() -> None:
    nodes = [node("a"), node("b", ready="False"), node("c", version="v1.35.0"), node("other", ready="False")]
    said = readiness.nodes_not_ready(nodes, ["a", "b", "c", "d"], "1.36.3")
    assert said == [
        "node b is not Ready: KubeletNotReady: cni plugin",
        "node c runs kubelet v1.35.0, not v1.36.3",
        "node d is not in the cluster",
    ]


@pytest.mark.parametrize(
    "status, said",
    [
        (waiting("ImagePullBackOff", "no"), "c: ImagePullBackOff no"),
        (
            {"containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 2}}}]},
            "c ended with code 2",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "taint"}]},
            "PodScheduled taint",
        ),
        ({"conditions": []}, "Running"),
    ],
)
def test_the_real_reason_is_told(status: dict[str, Any], said: str) -> None:
    assert readiness.pods_not_ready([pod("False", **status)]) == [f"pod kube-system/p on k1: {said}"]


def test_ready_ended_and_leaving_pods_do_not_count() -> None:
    leaving = pod("False")
    leaving["metadata"]["deletionTimestamp"] = "now"
    assert readiness.pods_not_ready([pod("True"), pod("False", phase="Succeeded"), leaving]) == []


def test_a_drain_moves_only_what_can_run_elsewhere() -> None:
    plain = pod("True")
    static = pod("True")
    static["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    daemon = pod("True")
    daemon["metadata"]["ownerReferences"] = [{"kind": "DaemonSet"}]
    assert [drain.must_go(p) for p in (plain, static, daemon, pod("False", phase="Failed"))] == [
        True,
        False,
        False,
        False,
    ]
