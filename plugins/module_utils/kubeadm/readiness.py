# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why nodes and pods are not ready, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Json = Mapping[str, Any]


def _condition(thing: Json, kind: str) -> Json:
    for condition in thing.get("status", {}).get("conditions") or []:
        if condition["type"] == kind:
            return condition  # type: ignore[no-any-return]
    return {}


def nodes_not_ready(nodes: Iterable[Json], wished: Iterable[str], version: str) -> list[str]:
    """One line for each node of ``wished`` that is missing, not Ready or of another ``version``."""
    there = {node["metadata"]["name"]: node for node in nodes}
    found = []
    for name in sorted(wished):
        if name not in there:
            found.append(f"node {name} is not in the cluster")
            continue
        ready = _condition(there[name], "Ready")
        has = there[name].get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "")
        if ready.get("status") != "True":
            why = f"{ready.get('reason', 'no word of its kubelet')}: {ready.get('message', '')}"
            found.append(f"node {name} is not Ready: {why}")
        elif version and has != f"v{version}":
            found.append(f"node {name} runs kubelet {has}, not v{version}")
    return found


def pods_not_ready(pods: Iterable[Json]) -> list[str]:
    """One line for each pod that should be ready and is not. Ended and leaving ones do not count."""
    found = []
    for pod in pods:
        meta, status = pod["metadata"], pod.get("status", {})
        if meta.get("deletionTimestamp") or status.get("phase") == "Succeeded":
            continue
        if _condition(pod, "Ready").get("status") == "True":
            continue
        where = pod.get("spec", {}).get("nodeName", "no node")
        found.append(f"pod {meta['namespace']}/{meta['name']} on {where}: {_why(pod)}")
    return sorted(found)


def _why(pod: Json) -> str:
    status = pod.get("status", {})
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = container.get("state", {})
        waiting = state.get("waiting")
        if waiting and waiting.get("reason") != "PodInitializing":
            return f"{container['name']}: {waiting.get('reason', '')} {waiting.get('message', '')}".strip()
        ended = state.get("terminated")
        if ended and ended.get("exitCode"):
            return (
                f"{container['name']} ended with code {ended['exitCode']} {ended.get('message', '')}".strip()
            )
    for kind in ("PodScheduled", "Initialized", "Ready"):
        condition = _condition(pod, kind)
        if condition.get("status") == "False":
            return f"{condition.get('reason', kind)} {condition.get('message', '')}".strip()
    return str(status.get("phase", "unknown"))
