# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which workloads are served by which control plane of the mesh, and their way from one to the next."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from ..kubernetes import reasons, waiting
from ..kubernetes.client import Client
from ..kubernetes.errors import KubernetesError
from ..kubernetes.objects import Reference
from .mesh import CONTROL_NAMESPACE, REVISION

#: annotation of a pod template; a changed value starts the pods anew, one by one
MOVED = "nilecare.sd/mesh-revision"
#: who owns that annotation, so that the next delivery of the service leaves it alone
MANAGER = "nilecare-mesh"


@dataclass(frozen=True, order=True)
class Workload:
    """A Deployment with pods in the mesh."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def reference(self) -> Reference:
        return Reference("apps/v1", "Deployment", self.namespace, self.name)


@dataclass
class Move:
    """What was done, or would be."""

    moved: list[str] = field(default_factory=list)
    #: control planes beside the wanted one
    others: list[str] = field(default_factory=list)


class MoveFailed(KubernetesError):  # noqa: N818
    """A workload did not come up with the new control plane; ``move`` says which others did."""

    def __init__(self, message: str, move: Move) -> None:
        super().__init__(message)
        self.move = move


def served(pods: list[dict[str, Any]], replica_sets: list[dict[str, Any]]) -> dict[Workload, set[str]]:
    """Control planes that serve each workload's pods.

    The injector writes the revision into an annotation of every pod that it puts into the mesh.
    """
    owners = {}
    for replica_set in replica_sets:
        metadata = replica_set["metadata"]
        for owner in metadata.get("ownerReferences") or []:
            if owner["kind"] == "Deployment":
                owners[metadata["namespace"], metadata["name"]] = owner["name"]
    found: dict[Workload, set[str]] = {}
    for pod in pods:
        metadata = pod["metadata"]
        revision = (metadata.get("annotations") or {}).get(REVISION)
        if not revision or metadata.get("deletionTimestamp"):
            continue
        for owner in metadata.get("ownerReferences") or []:
            name = owners.get((metadata["namespace"], owner["name"]))
            if owner["kind"] == "ReplicaSet" and name:
                found.setdefault(Workload(metadata["namespace"], name), set()).add(revision)
    return found


def control_planes(deployments: list[dict[str, Any]]) -> list[str]:
    """Revisions of the control planes that run."""
    labels = [obj["metadata"].get("labels", {}) for obj in deployments]
    return sorted({entry[REVISION] for entry in labels if entry.get("app") == "istiod" and REVISION in entry})


def serving(client: Client, tag: str) -> str:
    """The revision that namespaces of this tag get; empty when there is no such tag."""
    name = f"istio-revision-tag-{tag}"
    hook = client.get("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", name)
    return str(hook["metadata"].get("labels", {}).get(REVISION, "")) if hook else ""


def move(client: Client, revision: str, timeout: float, check: bool) -> Move:
    """Start every workload anew whose pods another control plane serves, one workload after the other.

    :param timeout: seconds that one workload may take.
    :raises MoveFailed: a workload did not come up. It is left as it was before, the rest is not begun.
    :raises KubernetesError: there is no such control plane; nothing was changed.
    """
    deployments = client.list("apps/v1", "Deployment", CONTROL_NAMESPACE).items
    known = control_planes(deployments)
    if revision not in known and not check:
        raise KubernetesError(
            f"no control plane of the mesh has the revision {revision}; there are "
            f"{', '.join(known) or 'none'}. Nothing was changed."
        )
    result = Move(others=[other for other in known if other != revision])
    pods = client.list("v1", "Pod").items
    replica_sets = client.list("apps/v1", "ReplicaSet").items
    for workload, revisions in sorted(served(pods, replica_sets).items()):
        if revisions == {revision}:
            continue
        if not check:
            _restart(client, workload, revision, timeout, result)
        result.moved.append(str(workload))
    return result


def _annotation(value: str | None) -> dict[str, Any]:
    return {"spec": {"template": {"metadata": {"annotations": {MOVED: value}}}}}


def _restart(client: Client, workload: Workload, revision: str, timeout: float, result: Move) -> None:
    where = ("apps/v1", "Deployment", workload.name, workload.namespace)
    live = client.get(*where)
    if live is None:
        return
    before = (live["spec"]["template"]["metadata"].get("annotations") or {}).get(MOVED)
    # The same value again would change nothing: pods that were started too early are started once more.
    value = f"{revision}.{int(time.time())}" if before and before.split(".")[0] == revision else revision
    client.patch(*where, _annotation(value), manager=MANAGER)
    pending = waiting.wait_for(client, [workload.reference], timeout)
    if not pending:
        return
    found = [pending[0].readiness.message, *reasons.explain(client, client.get(*where) or live)]
    client.patch(*where, _annotation(before), manager=MANAGER)
    lines = "\n- ".join(found)
    raise MoveFailed(
        f"{workload} did not come up with revision {revision}, and was put back:\n- {lines}", result
    )
