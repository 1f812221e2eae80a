"""History, the judgement of a new version, and what a manager owns: pure parts of a delivery."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.services.history import (
    previous,
    revisions,
    serving_before,
)
from ansible_collections.nilecare.platform.plugins.module_utils.services.ownership import applied_by
from ansible_collections.nilecare.platform.plugins.module_utils.services.rollout import PATIENCE, Judge


def replica_set(number: int, version: str, available: int = 0, owner: str = "d1") -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"ehr-service-{version}",
            "ownerReferences": [{"uid": owner}],
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "labels": {"pod-template-hash": version},
        },
        "spec": {
            "template": {
                "metadata": {
                    "labels": {"app": "ehr-service", "pod-template-hash": version},
                    "creationTimestamp": None,
                },
                "spec": {
                    "serviceAccount": "x",
                    "containers": [
                        {
                            "image": f"docker.io/nilecare/ehr:{version}",
                            "envFrom": [{"configMapRef": {"name": f"ehr-service-{version}"}}],
                        }
                    ],
                },
            }
        },
        "status": {"replicas": available, "availableReplicas": available},
    }


def deployment(number: int, conditions: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"uid": "d1", "annotations": {"deployment.kubernetes.io/revision": str(number)}},
        "status": {"conditions": conditions or []},
    }


def test_versions_in_their_order() -> None:
    sets = [
        replica_set(10, "3"),
        replica_set(9, "2", 3),
        replica_set(2, "1"),
        replica_set(11, "x", 3, "other"),
    ]
    found = revisions(deployment(10), sets)
    assert [(r.number, r.version, r.current) for r in found] == [
        (2, "1", False),
        (9, "2", False),
        (10, "3", True),
    ]
    assert found[0].configuration == ("ehr-service-1",)


def test_a_template_can_be_applied_again() -> None:
    template = revisions(deployment(1), [replica_set(1, "1")])[0].template
    assert template["metadata"] == {"labels": {"app": "ehr-service"}}
    assert "serviceAccount" not in template["spec"]


def test_what_to_go_back_to() -> None:
    found = revisions(deployment(3), [replica_set(1, "1"), replica_set(2, "2", 3), replica_set(3, "3", 1)])
    assert serving_before(found) == found[1]
    assert previous(found) == found[1]
    idle = revisions(deployment(3), [replica_set(1, "1"), replica_set(2, "2"), replica_set(3, "3", 1)])
    assert serving_before(idle) is None
    assert previous(idle) == idle[1]
    assert previous(revisions(deployment(1), [replica_set(1, "1", 3)])) is None


def test_nobody_goes_back_to_a_version_that_failed() -> None:
    bad = replica_set(2, "2")
    bad["metadata"]["annotations"]["nilecare.sd/failed"] = "its container crashes"
    found = revisions(deployment(3), [replica_set(1, "1"), bad, replica_set(3, "3", 3)])
    assert previous(found) == found[0]
    assert str(found[1]).endswith("failed: its container crashes")
    assert str(found[2]).endswith("3 pods serve  (current)")


def pod(version: str = "new", waiting: dict[str, str] | None = None, **status: Any) -> dict[str, Any]:
    container = {
        "ready": False,
        "restartCount": status.pop("restarts", 0),
        "state": {"waiting": waiting or {}},
    }
    return {
        "metadata": {"uid": "p1", "labels": {"pod-template-hash": version}},
        "status": {"containerStatuses": [container], **status},
    }


UNSCHEDULABLE: dict[str, Any] = {
    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
}


@pytest.mark.parametrize(
    ("new", "text"),
    [
        (
            pod(waiting={"reason": "ImagePullBackOff", "message": "docker.io/x:9: not found"}),
            "cannot be pulled",
        ),
        (pod(waiting={"reason": "InvalidImageName"}), "cannot be pulled"),
        (pod(restarts=2), "its container crashes"),
    ],
)
def test_failed_at_once(new: dict[str, Any], text: str) -> None:
    assert text in Judge("new").verdict(deployment(2), [new], 0.0)


@pytest.mark.parametrize(
    ("new", "reason", "text"),
    [
        (
            pod(waiting={"reason": "ErrImagePull", "message": "i/o timeout"}),
            "ErrImagePull",
            "cannot be pulled",
        ),
        (
            pod(waiting={"reason": "CreateContainerConfigError"}),
            "CreateContainerConfigError",
            "cannot be started",
        ),
        (pod(**UNSCHEDULABLE), "Unschedulable", "cannot be scheduled"),
    ],
)
def test_failed_after_patience(new: dict[str, Any], reason: str, text: str) -> None:
    judge = Judge("new")
    assert judge.verdict(deployment(2), [new], 100.0) == ""
    assert judge.verdict(deployment(2), [new], 99.0 + PATIENCE[reason]) == ""
    assert text in judge.verdict(deployment(2), [new], 100.0 + PATIENCE[reason])


def test_trouble_that_passes_is_forgotten() -> None:
    judge, bad = Judge("new"), pod(**UNSCHEDULABLE)
    judge.verdict(deployment(2), [bad], 0.0)
    judge.verdict(deployment(2), [pod()], 30.0)
    assert judge.verdict(deployment(2), [bad], 50.0) == ""


@pytest.mark.parametrize(
    "old",
    [pod("old", restarts=9), pod(restarts=1), {**pod(restarts=9), "metadata": {"uid": "x", "labels": {}}}],
)
def test_what_is_no_failure(old: dict[str, Any]) -> None:
    """Pods of the old version, a first crash."""
    judge = Judge("new")
    assert judge.verdict(deployment(2), [old], 0.0) == judge.verdict(deployment(2), [old], 1000.0) == ""


def test_a_pod_that_is_leaving_is_no_failure() -> None:
    leaving = pod(restarts=9)
    leaving["metadata"]["deletionTimestamp"] = "now"
    assert Judge("new").verdict(deployment(2), [leaving], 0.0) == ""


def test_the_deployments_own_judgement() -> None:
    late = deployment(2, [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}])
    assert "deadline" in Judge("new").verdict(late, [], 0.0)
    refused = deployment(2, [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}])
    judge = Judge("new")
    assert judge.verdict(refused, [], 0.0) == ""
    assert "refused" in judge.verdict(refused, [], PATIENCE["ReplicaFailure"])


def test_what_was_said_of_the_version_before_does_not_count() -> None:
    stale = deployment(2, [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}])
    stale["metadata"]["generation"], stale["status"]["observedGeneration"] = 5, 4
    assert Judge("new").verdict(stale, [pod(restarts=9)], 0.0) == ""


def live_service() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "ehr-service",
            "namespace": "clinical",
            "uid": "1",
            "labels": {"app": "ehr-service", "theirs": "x"},
            "finalizers": ["ours", "theirs"],
            "managedFields": [
                {
                    "manager": "nilecare",
                    "operation": "Apply",
                    "apiVersion": "v1",
                    "fieldsV1": {
                        "f:metadata": {"f:labels": {"f:app": {}}, "f:finalizers": {'v:"ours"': {}}},
                        "f:spec": {
                            "f:ports": {
                                'k:{"port":4001,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}}
                            },
                            "f:selector": {},
                        },
                    },
                }
            ],
        },
        "spec": {
            "clusterIP": "10.96.0.9",
            "selector": {"app": "ehr-service"},
            "ports": [
                {"name": "http", "port": 4001, "protocol": "TCP", "targetPort": 4001},
                {"name": "theirs", "port": 1, "protocol": "TCP"},
            ],
        },
        "status": {"loadBalancer": {}},
    }


def test_only_what_we_applied_is_put_back() -> None:
    assert applied_by(live_service(), "nilecare") == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "ehr-service",
            "namespace": "clinical",
            "labels": {"app": "ehr-service"},
            "finalizers": ["ours"],
        },
        "spec": {
            "ports": [{"name": "http", "port": 4001, "protocol": "TCP"}],
            "selector": {"app": "ehr-service"},
        },
    }


def test_what_we_never_applied_is_nothing() -> None:
    assert applied_by(live_service(), "somebody") is None
