"""A cluster without machines: the real API server, controller manager and scheduler, and pretended kubelets.

A pretended kubelet does with a pod what its image's tag says: ``absent…`` cannot be pulled, ``crash…``
crashes, ``unready…`` runs and is never ready; everything else is ready soon.
"""

from __future__ import annotations

import calendar
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import (
    ApiError,
    KubernetesError,
)

from tests.module import binaries
from tests.module.control_plane import ControlPlane

ZONES = ("khartoum", "omdurman", "bahri")
NODES = {f"{zone}-{number}": zone for zone in ZONES for number in (1, 2)}
START_SECONDS = 0.3
CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "disruption-controller",
    "horizontal-pod-autoscaler-controller",
)


def controller_binaries() -> Path:
    """A directory with kube-controller-manager and kube-scheduler, taken once from the bundle."""
    directory = binaries.find()
    for name in ("kube-controller-manager", "kube-scheduler"):
        if not (directory / name).is_file():
            bundle = binaries._bundle()
            binaries._extract(bundle / "images", f"registry.k8s.io/{name}", name, directory / name)
    return directory


class SmallCluster:
    """Starts what turns a control plane into a cluster of six nodes in three zones."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.pods_ready_after = START_SECONDS
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._kubelets, daemon=True)

    def start(self) -> None:
        directory = controller_binaries()
        with self.plane.client() as client:
            for name, zone in NODES.items():
                _make_node(client, name, zone)
        for name, arguments in (
            ("kube-controller-manager", [f"--controllers={','.join(CONTROLLERS)}"]),
            ("kube-scheduler", []),
        ):
            log = (self.plane.directory / f"{name}.log").open("ab")
            self._processes.append(
                subprocess.Popen(
                    [
                        str(directory / name),
                        f"--kubeconfig={self.plane.kubeconfig}",
                        f"--authentication-kubeconfig={self.plane.kubeconfig}",
                        f"--authorization-kubeconfig={self.plane.kubeconfig}",
                        "--leader-elect=false",
                        "--secure-port=0",
                        *arguments,
                    ],
                    stdout=log,
                    stderr=log,
                    cwd=self.plane.directory,
                )
            )
        self._thread.start()

    def stop(self) -> None:
        """Stop everything and leave no pod and no node: the next small cluster begins with empty nodes."""
        with self.plane.client() as client:
            self._remove(client)
        self._stopped.set()
        for process in self._processes:
            process.kill()
            process.wait(timeout=30)
        self._thread.join(timeout=30)
        with self.plane.client() as client:
            for name in NODES:
                client.request("DELETE", f"/api/v1/nodes/{name}")

    @staticmethod
    def _remove(client: Client) -> None:
        for version, kind, path in (
            ("apps/v1", "Deployment", "apis/apps/v1/namespaces/{}/deployments/{}"),
            ("apps/v1", "ReplicaSet", "apis/apps/v1/namespaces/{}/replicasets/{}"),
            ("v1", "Pod", "api/v1/namespaces/{}/pods/{}"),
        ):
            for obj in client.list(version, kind).items:
                where = path.format(obj["metadata"]["namespace"], obj["metadata"]["name"])
                try:
                    client.request("DELETE", f"/{where}", None, {"gracePeriodSeconds": 0})
                except ApiError as error:
                    if error.status != 404:
                        raise

    def _kubelets(self) -> None:
        with self.plane.client() as client:
            while not self._stopped.is_set():
                try:
                    listing = client.list("v1", "Pod", field_selector="spec.nodeName!=")
                    for pod in listing.items:
                        self._care_for(client, pod)
                except KubernetesError:
                    pass  # The API server is being restarted, or a pod is gone.
                self._stopped.wait(0.1)

    def _care_for(self, client: Client, pod: dict[str, Any]) -> None:
        metadata = pod["metadata"]
        try:
            if metadata.get("deletionTimestamp"):
                path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
                client.request("DELETE", path, None, {"gracePeriodSeconds": 0})
                return
            wanted = _status(pod, self.pods_ready_after)
            if wanted is not None:
                client.patch(
                    "v1",
                    "Pod",
                    metadata["name"],
                    metadata["namespace"],
                    {"status": wanted},
                    subresource="status",
                )
        except ApiError as error:
            if error.status not in (404, 409):
                raise


def _make_node(client: Client, name: str, zone: str) -> None:
    labels = {
        "kubernetes.io/hostname": name,
        "topology.kubernetes.io/zone": zone,
        "topology.kubernetes.io/region": "sudan",
    }
    client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})
    room = {"cpu": "2", "memory": "8Gi", "pods": "50", "ephemeral-storage": "20Gi"}
    client.patch(
        "v1",
        "Node",
        name,
        None,
        {
            "status": {
                "capacity": room,
                "allocatable": room,
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            }
        },
        subresource="status",
    )
    client.patch("v1", "Node", name, None, {"spec": {"taints": None}})


def _status(pod: dict[str, Any], ready_after: float) -> dict[str, Any] | None:
    """The status that a kubelet would report, or None when it is reported already."""
    container = pod["spec"]["containers"][0]
    tag = container["image"].rpartition(":")[2]
    status = pod.get("status") or {}
    reported = (status.get("containerStatuses") or [{}])[0]
    entry: dict[str, Any] = {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"running": {"startedAt": _now()}},
    }
    if tag.startswith("absent"):
        message = f'Back-off pulling image "{container["image"]}": not found'
        entry["state"] = {"waiting": {"reason": "ImagePullBackOff", "message": message}}
    elif tag.startswith("crash"):
        ended = {
            "exitCode": 3,
            "reason": "Error",
            "message": "no database",
            "finishedAt": _now(),
            "startedAt": _now(),
        }
        entry["state"] = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
        entry["lastState"] = {"terminated": ended}
        entry["restartCount"] = 2
    elif not tag.startswith("unready"):
        began = (reported.get("state") or {}).get("running", {}).get("startedAt")
        entry["ready"] = began is not None and time.time() - _seconds(began) >= ready_after
    if reported and reported.get("ready") == entry["ready"]:
        return None
    running = "running" in entry["state"]
    if running and reported:
        entry["state"] = reported["state"]
    ready = "True" if entry["ready"] else "False"
    return {
        "phase": "Running" if running else "Pending",
        "podIP": "10.244.0.1",
        "startTime": _now(),
        "conditions": [
            {"type": "Ready", "status": ready, "lastTransitionTime": _now()},
            {"type": "ContainersReady", "status": ready, "lastTransitionTime": _now()},
            {"type": "PodScheduled", "status": "True"},
        ],
        "containerStatuses": [entry],
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _seconds(text: str) -> float:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
