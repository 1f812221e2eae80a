"""Waiting watches the whole set, and says of each failing object why it fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes import waiting
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.objects import Reference

from tests.module.conftest import Apply
from tests.module.control_plane import ControlPlane
from tests.module.samples import config_map, custom, definition, deployment, pod


def deployment_status(client: Client, namespace: str, name: str, **status: Any) -> None:
    found = client.get("apps/v1", "Deployment", name, namespace)
    assert found is not None
    counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}
    content = {"status": {"observedGeneration": found["metadata"]["generation"], **counts, **status}}
    client.patch("apps/v1", "Deployment", name, namespace, content, subresource="status")


def when(
    client: Client, kind: tuple[str, str], namespace: str, name: str, action: Callable[[], None]
) -> threading.Thread:
    """Run ``action`` as soon as the object is there, as a controller would."""

    def run() -> None:
        while client.get(*kind, name, namespace) is None:
            time.sleep(0.02)
        action()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


def event(client: Client, namespace: str, about: dict[str, Any], reason: str, message: str) -> None:
    client.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": "event-", "namespace": namespace},
            "involvedObject": {
                "kind": about["kind"],
                "namespace": namespace,
                "name": about["metadata"]["name"],
                "uid": about["metadata"]["uid"],
            },
            "type": "Warning",
            "reason": reason,
            "message": message,
        }
    )


def test_waits_until_the_whole_set_is_ready(apply: Apply, client: Client, namespace: str) -> None:
    kind = ("apps/v1", "Deployment")

    def later() -> None:
        time.sleep(0.7)
        deployment_status(client, namespace, "slow")

    threads = [
        when(client, kind, namespace, "fast", lambda: deployment_status(client, namespace, "fast")),
        when(client, kind, namespace, "slow", later),
    ]
    result = apply([deployment("fast"), deployment("slow"), config_map("x")], wait=True, wait_timeout=60)
    assert not result.get("failed"), result.get("msg")
    assert 0.7 < result["seconds"] < 60, "ended by what it saw, not by its time"
    for thread in threads:
        thread.join()
    again = apply([deployment("fast"), deployment("slow"), config_map("x")], wait=True, wait_timeout=60)
    assert not again["changed"] and again["seconds"] < 60


def test_a_failure_for_good_ends_the_wait(apply: Apply, client: Client, namespace: str) -> None:
    stuck = [condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out")]
    thread = when(
        client,
        ("apps/v1", "Deployment"),
        namespace,
        "app",
        lambda: deployment_status(
            client, namespace, "app", availableReplicas=0, readyReplicas=0, conditions=stuck
        ),
    )
    result = apply([deployment("app")], wait=True, wait_timeout=60)
    thread.join()
    assert result["failed"] and result["changed"] and result["seconds"] < 60
    assert "made no progress within its deadline" in result["msg"]


def test_reasons_of_failing_pods(apply: Apply, client: Client, namespace: str) -> None:
    waiting_state = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    crashed = {"exitCode": 1, "reason": "Error", "message": "no database at db:5432"}
    container = {
        "name": "main",
        "image": "registry.test/app:1",
        "imageID": "",
        "ready": False,
        "restartCount": 3,
    }
    states: dict[str, dict[str, Any]] = {
        "image": {"containerStatuses": [{**container, "restartCount": 0, "state": waiting_state}]},
        "crash": {
            "containerStatuses": [
                {
                    **container,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": crashed},
                }
            ]
        },
        "place": {
            "conditions": [
                condition("PodScheduled", "False", "Unschedulable", "0/6 nodes: Insufficient memory")
            ]
        },
    }
    for name, status in states.items():
        client.create(
            {
                **pod(f"{name}-1"),
                "metadata": {"name": f"{name}-1", "namespace": namespace, "labels": {"app": name}},
            }
        )
        client.patch("v1", "Pod", f"{name}-1", namespace, {"status": status}, subresource="status")
    image = client.get("v1", "Pod", "image-1", namespace)
    assert image is not None
    event(client, namespace, image, "Failed", 'Failed to pull image "registry.test/app:1": not found')
    result = apply([deployment(name) for name in states], wait=True, wait_timeout=1)
    message = result["msg"]
    assert "3 objects are not ready after 1 s (everything was applied)" in message
    pulled = 'Failed to pull image "registry.test/app:1": not found'
    assert f"pod image-1: image registry.test/app:1 cannot be pulled: {pulled}" in message
    assert (
        "pod crash-1: container main crashed with exit code 1, 3 restarts: no database at db:5432" in message
    )
    assert "pod place-1: cannot be scheduled: 0/6 nodes: Insufficient memory" in message


def test_reason_of_refused_pods(apply: Apply, client: Client, namespace: str) -> None:
    apply([deployment("app")])
    owner = client.get("apps/v1", "Deployment", "app", namespace)
    assert owner is not None
    replica_set = client.create(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": "app-1",
                "namespace": namespace,
                "labels": {"app": "app"},
                "ownerReferences": [
                    {
                        "apiVersion": "apps/v1",
                        "kind": "Deployment",
                        "name": "app",
                        "uid": owner["metadata"]["uid"],
                        "controller": True,
                    }
                ],
            },
            "spec": {"selector": owner["spec"]["selector"], "template": owner["spec"]["template"]},
        }
    )
    event(
        client,
        namespace,
        replica_set,
        "FailedCreate",
        'pods "app-1-x" is forbidden: exceeded quota: namespace',
    )
    message = apply([deployment("app")], wait=True, wait_timeout=1)["msg"]
    assert "pods are refused by the quota" in message and "exceeded quota: namespace" in message


def test_an_error_of_a_custom_object_is_told(apply: Apply, client: Client, namespace: str) -> None:
    kind = ("test.nilecare.sd/v1", "Theatre")
    objects = [definition("theatres", "Theatre"), custom("Theatre", "one", 1)]
    objects[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"] = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    apply(objects)
    time.sleep(
        1.1
    )  # A client asks again for kinds that it does not know, but not more often than once a second.
    not_ready = {"status": {"conditions": [condition("Ready", "False", "NoPower", "the generator is off")]}}
    client.patch(*kind, "one", namespace, not_ready)
    assert "NoPower: the generator is off" in apply(objects, wait=True, wait_timeout=1)["msg"]
    client.patch(*kind, "one", namespace, {"status": {"conditions": [condition("Ready", "True")]}})
    assert not apply(objects, wait=True, wait_timeout=5).get("failed")


def test_waiting_outlives_a_restart_of_the_api_server(
    control_plane: ControlPlane, client: Client, namespace: str
) -> None:
    client.create({**deployment("app"), "metadata": {"name": "app", "namespace": namespace}})

    def restart() -> None:
        time.sleep(0.3)
        control_plane.stop_server()
        control_plane.start_server()
        deployment_status(client, namespace, "app")

    thread = threading.Thread(target=restart)
    thread.start()
    pending = waiting.wait_for(client, [Reference("apps/v1", "Deployment", namespace, "app")], 40)
    thread.join()
    assert pending == []


def test_what_is_not_there_is_not_ready(client: Client, namespace: str) -> None:
    (entry,) = waiting.wait_for(client, [Reference("apps/v1", "Deployment", namespace, "ghost")], 0.5)
    assert entry.object is None and entry.readiness.message == "is not there"
