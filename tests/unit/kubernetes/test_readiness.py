"""Readiness rules, and reasons read from a cluster that is a few mappings."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes import reasons
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Listing
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import ApiError
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.readiness import (
    FAILED,
    PROGRESSING,
    READY,
    assess,
)


def thing(kind: str, api_version: str, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "x", "namespace": "n", "generation": 2, "uid": "u"}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
        "status": status or {},
    }


def conditions(**states: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status} for kind, status in states.items()]}


ROLLED_OUT = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
STUCK = {**ROLLED_OUT, "availableReplicas": 2}
EXCEEDED = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
REVISIONS = {"updateRevision": "b", "currentRevision": "b"}
SET = {"observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": 3, **REVISIONS}
ON_DELETE = {"replicas": 3, "updateStrategy": {"type": "OnDelete"}}
ADDRESS = {"loadBalancer": {"ingress": [{"ip": "10.77.1.240"}]}}
DAEMONS = {
    "observedGeneration": 2,
    "desiredNumberScheduled": 6,
    "updatedNumberScheduled": 6,
    "numberAvailable": 6,
}


@pytest.mark.parametrize(
    ("state", "obj"),
    [
        (READY, thing("Deployment", "apps/v1", ROLLED_OUT, replicas=3)),
        (READY, thing("Deployment", "apps/v1", {"observedGeneration": 2}, replicas=0)),
        (PROGRESSING, thing("Deployment", "apps/v1", {**ROLLED_OUT, "observedGeneration": 1}, replicas=3)),
        (PROGRESSING, thing("Deployment", "apps/v1", {**ROLLED_OUT, "updatedReplicas": 2}, replicas=3)),
        (PROGRESSING, thing("Deployment", "apps/v1", {**ROLLED_OUT, "replicas": 4}, replicas=3)),
        (PROGRESSING, thing("Deployment", "apps/v1", STUCK, replicas=3)),
        (FAILED, thing("Deployment", "apps/v1", {**STUCK, "conditions": EXCEEDED}, replicas=3)),
        (READY, thing("StatefulSet", "apps/v1", SET, replicas=3)),
        (PROGRESSING, thing("StatefulSet", "apps/v1", {**SET, "readyReplicas": 2}, replicas=3)),
        (PROGRESSING, thing("StatefulSet", "apps/v1", {**SET, "updateRevision": "c"}, replicas=3)),
        (PROGRESSING, thing("StatefulSet", "apps/v1", {**SET, "updatedReplicas": 1}, replicas=3)),
        (READY, thing("StatefulSet", "apps/v1", {**SET, "updatedReplicas": 0}, **ON_DELETE)),
        (READY, thing("DaemonSet", "apps/v1", DAEMONS)),
        (PROGRESSING, thing("DaemonSet", "apps/v1", {**DAEMONS, "numberAvailable": 5})),
        (PROGRESSING, thing("DaemonSet", "apps/v1", {**DAEMONS, "updatedNumberScheduled": 5})),
        (PROGRESSING, thing("DaemonSet", "apps/v1", {})),
        (READY, thing("Job", "batch/v1", conditions(Complete="True"))),
        (FAILED, thing("Job", "batch/v1", conditions(Failed="True"))),
        (PROGRESSING, thing("Job", "batch/v1")),
        (READY, thing("Pod", "v1", {"phase": "Running", **conditions(Ready="True")})),
        (PROGRESSING, thing("Pod", "v1", {"phase": "Running", **conditions(Ready="False")})),
        (READY, thing("Pod", "v1", {"phase": "Succeeded"})),
        (FAILED, thing("Pod", "v1", {"phase": "Failed"})),
        (READY, thing("PersistentVolumeClaim", "v1", {"phase": "Bound"})),
        (PROGRESSING, thing("PersistentVolumeClaim", "v1", {"phase": "Pending"})),
        (FAILED, thing("PersistentVolumeClaim", "v1", {"phase": "Lost"})),
        (READY, thing("CustomResourceDefinition", "apiextensions.k8s.io/v1", conditions(Established="True"))),
        (PROGRESSING, thing("CustomResourceDefinition", "apiextensions.k8s.io/v1")),
        (READY, thing("APIService", "apiregistration.k8s.io/v1", conditions(Available="True"))),
        (PROGRESSING, thing("APIService", "apiregistration.k8s.io/v1", conditions(Available="False"))),
        (READY, thing("Namespace", "v1", {"phase": "Active"})),
        (PROGRESSING, thing("Namespace", "v1", {"phase": "Terminating"})),
        (READY, thing("Service", "v1", type="ClusterIP")),
        (PROGRESSING, thing("Service", "v1", type="LoadBalancer")),
        (READY, thing("Service", "v1", ADDRESS, type="LoadBalancer")),
        (READY, thing("ConfigMap", "v1")),
        (READY, thing("Certificate", "cert-manager.io/v1", conditions(Ready="True"))),
        (PROGRESSING, thing("Certificate", "cert-manager.io/v1", conditions(Ready="False"))),
        (PROGRESSING, thing("Certificate", "cert-manager.io/v1", {"observedGeneration": 1})),
    ],
)  # fmt: skip
def test_rules(state: str, obj: dict[str, Any]) -> None:
    assessed = assess(obj)
    assert assessed.state == state
    assert assessed.ready or assessed.message


def test_what_is_being_deleted_is_not_ready() -> None:
    obj = thing("Namespace", "v1", {"phase": "Active"})
    obj["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert assess(obj).state == PROGRESSING


class Cluster:
    """Lists and logs from mappings."""

    def __init__(self, log: str | None = None, **kinds: list[dict[str, Any]]) -> None:
        self.log = log
        self.kinds = kinds
        self.asked: list[tuple[Any, ...]] = []

    def list(self, _api_version: str, kind: str, *_rest: Any, **_selectors: Any) -> Listing:
        return Listing(self.kinds.get(kind, []), "1")

    def logs(self, *arguments: Any) -> str:
        self.asked.append(arguments)
        if self.log is None:
            raise ApiError(500, "", "no kubelet")
        return self.log


def pod(**status: Any) -> dict[str, Any]:
    return thing("Pod", "v1", {"phase": "Pending", **status})


def container(**state: Any) -> dict[str, Any]:
    return {"name": "main", "image": "app:1", "ready": False, "restartCount": 0, **state}


def warning(reason: str, message: str) -> dict[str, Any]:
    return {"type": "Warning", "reason": reason, "message": message, "metadata": {}}


def explain(cluster: Cluster, obj: dict[str, Any]) -> list[str]:
    return reasons.explain(cluster, obj)  # type: ignore[arg-type]


def test_a_crash_shows_its_last_lines() -> None:
    crashed = container(
        restartCount=4,
        state={"waiting": {"reason": "CrashLoopBackOff"}},
        lastState={"terminated": {"exitCode": 1, "reason": "Error"}},
    )
    cluster = Cluster(log="connecting\nno database\n")
    (reason,) = explain(cluster, pod(containerStatuses=[crashed]))
    assert reason == (
        "pod x: container main crashed with exit code 1, 4 restarts; its last lines:\n"
        "    connecting\n    no database"
    )
    assert cluster.asked == [("n", "x", "main", True, reasons.LOG_LINES)]
    (without_log,) = explain(Cluster(), pod(containerStatuses=[crashed]))
    assert without_log == "pod x: container main crashed with exit code 1, 4 restarts"


def test_out_of_memory_is_named() -> None:
    killed = container(state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
    assert "exit code 137 (out of memory)" in explain(Cluster(), pod(containerStatuses=[killed]))[0]


def test_a_probe_that_fails_is_named() -> None:
    running = container(state={"running": {}})
    cluster = Cluster(Event=[warning("Unhealthy", "Readiness probe failed: HTTP 503")])
    (reason,) = explain(cluster, pod(phase="Running", containerStatuses=[running]))
    assert reason == "pod x: container main runs and is not ready: Readiness probe failed: HTTP 503"


def test_a_missing_configuration_is_named() -> None:
    state = {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}}
    (reason,) = explain(Cluster(), pod(containerStatuses=[container(state=state)]))
    assert reason == 'pod x: container main cannot be started: secret "x" not found'


def test_a_volume_that_does_not_mount_is_named() -> None:
    cluster = Cluster(Event=[warning("FailedMount", "no such export")])
    waits = container(state={"waiting": {"reason": "ContainerCreating"}})
    assert explain(cluster, pod(containerStatuses=[waits])) == ["pod x: FailedMount: no such export"]


def test_pods_that_fail_alike_are_told_once() -> None:
    unscheduled = [{"type": "PodScheduled", "status": "False", "message": "0/6 nodes are available"}]
    pods = [pod(conditions=unscheduled) for _pod in range(3)]
    for number, entry in enumerate(pods):
        entry["metadata"] = {**entry["metadata"], "name": f"x-{number}"}
    workload = thing("StatefulSet", "apps/v1", selector={"matchLabels": {"app": "x"}})
    (reason,) = explain(Cluster(Pod=pods), workload)
    assert reason == "pod x-0 and 2 more: cannot be scheduled: 0/6 nodes are available"


def test_refusals_come_first() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": "violates PodSecurity restricted"}
    workload = thing(
        "Deployment", "apps/v1", {"conditions": [failure]}, selector={"matchLabels": {"app": "x"}}
    )
    assert explain(Cluster(), workload) == [
        "pods are refused by Pod Security: violates PodSecurity restricted"
    ]


def test_reasons_never_raise() -> None:
    class Broken(Cluster):
        def list(self, *_arguments: Any, **_selectors: Any) -> Listing:
            raise ApiError(403, "Forbidden", "not allowed")

    workload = thing("Deployment", "apps/v1", selector={"matchLabels": {"app": "x"}})
    assert explain(Broken(), workload) == ["the reason could not be read: not allowed"]


def test_crashes_for_one_reason_are_told_once_though_their_logs_differ() -> None:
    pods = []
    for number in range(2):
        crashed = container(
            restartCount=number + 1,
            state={"waiting": {"reason": "CrashLoopBackOff"}},
            lastState={"terminated": {"exitCode": 1, "reason": "Error"}},
        )
        pods.append(pod(containerStatuses=[crashed]))
    workload = thing("DaemonSet", "apps/v1", selector={"matchLabels": {"app": "x"}})
    (reason,) = explain(Cluster(log="no database", Pod=pods), workload)
    assert reason.startswith("pod x and 1 more: container main crashed with exit code 1, 1 restarts;")
