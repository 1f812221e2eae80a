# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Moves pods off nodes that leave."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from .api import Client, RefusedError


class NotDrainedError(Exception):
    """Pods were still there when the time was over."""


def must_go(pod: Mapping[str, Any]) -> bool:
    """Whether ``pod`` is moved: not one of a DaemonSet, not a static one, not one that has ended."""
    if "kubernetes.io/config.mirror" in pod["metadata"].get("annotations", {}):
        return False
    if any(owner["kind"] == "DaemonSet" for owner in pod["metadata"].get("ownerReferences", [])):
        return False
    return pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")


def drain(client: Client, names: Sequence[str], seconds: float) -> None:
    """Cordons the nodes that are known and evicts their pods. Raises NotDrainedError after ``seconds``."""
    known = [name for name in names if client.get(f"/api/v1/nodes/{name}") is not None]
    for name in known:
        body = {"spec": {"unschedulable": True}}
        client.request("PATCH", f"/api/v1/nodes/{name}", body, "application/merge-patch+json")
    end = time.monotonic() + seconds
    while True:
        left = [pod for name in known for pod in _pods(client, name) if must_go(pod)]
        if not left:
            return
        said = {f"{p['metadata']['namespace']}/{p['metadata']['name']}": _evict(client, p) for p in left}
        if time.monotonic() >= end:
            raise NotDrainedError(
                "; ".join(f"{pod}: {why or 'still ending'}" for pod, why in sorted(said.items()))
            )
        time.sleep(1)


def _pods(client: Client, node: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.request("GET", f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}")[
        "items"
    ]
    return found


def _evict(client: Client, pod: Mapping[str, Any]) -> str:
    """Asks for the pod's eviction; '' or why it is not possible now."""
    meta = pod["metadata"]
    if meta.get("deletionTimestamp"):
        return ""
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/eviction"
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
    }
    try:
        client.request("POST", path, body)
    except RefusedError as error:
        return "" if error.status == 404 else str(error)
    return ""
