# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Pods back into every site, after a site or a node was away.

The scheduler decides only where new pods go. So one pod after the other is evicted from the fullest site: the
disruption budget decides when it may go, the spread constraint where its successor comes up.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..kubernetes import reasons, waiting
from ..kubernetes.client import Client
from ..kubernetes.errors import ApiError, KubernetesError
from ..kubernetes.objects import Reference
from ..kubernetes.readiness import is_ready
from .quantities import byte_count, millicores
from .workload import ZONE

# Seconds between two looks at the pods, and for which an eviction that the budget forbids is tried again.
LOOK = 1.0


@dataclass(frozen=True)
class Move:
    """A pod that is to leave the fullest zone, and the emptiest one, which has room for its successor."""

    pod: str
    zone: str
    to: str


@dataclass
class Spread:
    """What became of one Deployment: its pods a zone before and after, what was moved, and what is wrong."""

    name: str
    before: dict[str, int]
    after: dict[str, int]
    moved: list[str] = field(default_factory=list)
    trouble: str = ""


def is_spread(deployment: Mapping[str, Any]) -> bool:
    """Whether a Deployment wants its pods in all zones."""
    constraints = deployment["spec"]["template"]["spec"].get("topologySpreadConstraints") or []
    return any(c["topologyKey"] == ZONE and c["whenUnsatisfiable"] == "DoNotSchedule" for c in constraints)


def is_settled(deployment: Mapping[str, Any]) -> bool:
    """Whether all its pods are of the wanted version and serve."""
    status, wanted = deployment.get("status") or {}, deployment["spec"].get("replicas", 1)
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    return seen and counts == [wanted] * 3


def pods_of(deployment: Mapping[str, Any], pods: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Its pods that are not about to end."""
    wanted = deployment["spec"]["selector"]["matchLabels"].items()
    return [
        pod
        for pod in pods
        if pod["metadata"]["namespace"] == deployment["metadata"]["namespace"]
        and wanted <= (pod["metadata"].get("labels") or {}).items()
        and not pod["metadata"].get("deletionTimestamp")
        and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
    ]


def zones(pods: Iterable[dict[str, Any]], nodes: Mapping[str, dict[str, Any]]) -> Counter[str]:
    """Number of pods a zone."""
    names = (nodes.get(pod["spec"].get("nodeName", ""), {}) for pod in pods)
    return Counter(zone for node in names if (zone := _zone(node)))


def next_move(
    pods: list[dict[str, Any]], nodes: Mapping[str, dict[str, Any]], everything: list[dict[str, Any]]
) -> Move | str:
    """The next pod to move, or in words why none can be; empty when they stand as evenly as they can.

    :param pods: of one Deployment.
    :param everything: all pods of the cluster, for the room that they leave on nodes.
    """
    if not pods:
        return ""
    template = pods[0]
    places = {_zone(node) for node in nodes.values() if _open(node, template)} - {""}
    counts = zones(pods, nodes)
    if not counts or not places:
        return ""
    fullest = max(counts, key=lambda zone: (counts[zone], zone))
    short = sorted(
        (zone for zone in places if counts[fullest] - counts[zone] > 1), key=lambda z: (counts[z], z)
    )
    for zone in short:
        if any(
            _zone(node) == zone and _open(node, template) and _has_room(node, template, everything)
            for node in nodes.values()
        ):
            leaving = [
                pod for pod in pods if _zone(nodes.get(pod["spec"].get("nodeName", ""), {})) == fullest
            ]
            youngest = max(leaving, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
            return Move(youngest["metadata"]["name"], fullest, zone)
    return f"no node of {', '.join(short)} has room for a pod" if short else ""


def _zone(node: Mapping[str, Any]) -> str:
    return str(((node.get("metadata") or {}).get("labels") or {}).get(ZONE, ""))


def _open(node: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Whether a pod may come up on a node: it is ready, not cordoned, and has no taint that keeps it away."""
    if node["spec"].get("unschedulable"):
        return False
    if not is_ready(node):
        return False
    taints = [t for t in node["spec"].get("taints") or [] if t["effect"] in ("NoSchedule", "NoExecute")]
    tolerations = pod["spec"].get("tolerations") or []
    return all(any(_tolerates(one, taint) for one in tolerations) for taint in taints)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key", "") in ("", taint["key"])
    return (toleration.get("key"), toleration.get("value", "")) == (taint["key"], taint.get("value", ""))


def _requests(pod: Mapping[str, Any]) -> tuple[int, int]:
    """Thousandths of a core and bytes that a pod's containers ask for."""
    asked = [(c.get("resources") or {}).get("requests") or {} for c in pod["spec"]["containers"]]
    return sum(millicores(a.get("cpu", 0)) for a in asked), sum(byte_count(a.get("memory", 0)) for a in asked)


def _has_room(node: Mapping[str, Any], pod: Mapping[str, Any], everything: list[dict[str, Any]]) -> bool:
    offered = node["status"].get("allocatable") or {}
    name = node["metadata"]["name"]
    there = [
        _requests(other)
        for other in everything
        if other["spec"].get("nodeName") == name
        and (other.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
    ]
    cpu, memory = _requests(pod)
    return (
        len(there) < int(offered.get("pods", 110))
        and sum(one[0] for one in there) + cpu <= millicores(offered.get("cpu", 0))
        and sum(one[1] for one in there) + memory <= byte_count(offered.get("memory", 0))
    )


def rebalance(client: Client, labels: str, deadline: float, check: bool) -> list[Spread]:
    """Move pods of all Deployments with these labels until each stands in every zone that has room.

    Deployments are worked on side by side, the pods of one after each other.

    :param deadline: seconds for one move: until the budget lets the pod go and its successor serves.
    """
    found = client.list("apps/v1", "Deployment", label_selector=labels).items
    ordered = sorted(
        filter(is_spread, found), key=lambda d: (d["metadata"]["namespace"], d["metadata"]["name"])
    )
    return list(client.map(lambda deployment: _rebalance_one(client, deployment, deadline, check), ordered))


def _rebalance_one(client: Client, deployment: dict[str, Any], deadline: float, check: bool) -> Spread:
    metadata = deployment["metadata"]
    nodes, everything = _look(client)
    pods = pods_of(deployment, everything)
    before = dict(zones(pods, nodes))
    spread = Spread(f"{metadata['namespace']}/{metadata['name']}", before, before)
    if not is_settled(deployment) and (check or not _settles(client, deployment, deadline)):
        spread.trouble = "is not complete, so that nothing was moved"
        return spread
    for _number in range(len(pods)):
        move = next_move(pods, nodes, everything)
        if isinstance(move, str):
            spread.trouble = move
            return spread
        spread.moved.append(f"{move.pod} from {move.zone} to {move.to}")
        if check:
            return spread
        spread.trouble = _move(client, deployment, move, deadline)
        nodes, everything = _look(client)
        pods = pods_of(deployment, everything)
        was, spread.after = spread.after, dict(zones(pods, nodes))
        if spread.trouble:
            return spread
        if spread.after.get(move.to, 0) <= was.get(move.to, 0):
            spread.trouble = f"the successor of {move.pod} did not come up in {move.to}"
            return spread
    return spread


def _look(client: Client) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    nodes = {node["metadata"]["name"]: node for node in client.list("v1", "Node").items}
    return nodes, client.list("v1", "Pod").items


def _move(client: Client, deployment: dict[str, Any], move: Move, deadline: float) -> str:
    """Evict a pod and wait until the Deployment is whole again; why it is not, or nothing."""
    metadata = deployment["metadata"]
    identity = {"name": move.pod, "namespace": metadata["namespace"]}
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{move.pod}/eviction"
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": identity}
    end, evicted, refusal = time.monotonic() + deadline, False, ""
    while time.monotonic() < end:
        if not evicted:
            try:
                client.request("POST", path, None, body)
                evicted = True
            except ApiError as error:
                if error.status == 404:
                    evicted = True
                elif error.status != 429:
                    raise
                refusal = str(error)
        else:
            # The pod is away before its Deployment's status says so: count pods, not the status.
            wanted = deployment["spec"].get("replicas", 1)
            pods = client.list("v1", "Pod", metadata["namespace"], _selector(deployment)).items
            serving = [pod for pod in pods_of(deployment, pods) if is_ready(pod)]
            moved = len(serving) >= wanted and all(pod["metadata"]["name"] != move.pod for pod in serving)
            if moved and _settles(client, deployment, end - time.monotonic()):
                return ""
        time.sleep(LOOK)
    if not evicted:
        return f"{move.pod} may not be evicted: {refusal}"
    try:
        why = reasons.explain(client, deployment)
    except KubernetesError as error:
        why = [str(error)]
    return "; ".join([f"the successor of {move.pod} does not serve after {deadline:.0f} s", *why])


def _settles(client: Client, deployment: dict[str, Any], seconds: float) -> bool:
    """Wait for a Deployment to be whole: a pod that is ready counts only after minReadySeconds."""
    metadata = deployment["metadata"]
    target = Reference("apps/v1", "Deployment", metadata["namespace"], metadata["name"])
    return not waiting.wait_for(client, [target], seconds)


def _selector(deployment: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in deployment["spec"]["selector"]["matchLabels"].items())
