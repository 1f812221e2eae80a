# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Bring one service to the state that the model wants, and back when a new version fails."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..kubernetes import reasons, waiting
from ..kubernetes.apply import Options, Result, apply_set, plan_without_cluster
from ..kubernetes.client import MANAGER, Client
from ..kubernetes.errors import ApiError, KubernetesError
from ..kubernetes.objects import Reference
from .history import (
    FAILED,
    HASH,
    REVISION,
    Revision,
    configuration_names,
    previous,
    revisions,
    serving_before,
)
from .model import Service
from .ownership import applied_by
from .render import render
from .rollout import Judge

# Kinds whose state before a change is kept, to be put back when the change fails.
KINDS = (
    ("v1", "ServiceAccount"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("networking.istio.io/v1", "VirtualService"),
    ("networking.istio.io/v1", "DestinationRule"),
    ("security.istio.io/v1", "AuthorizationPolicy"),
    ("security.istio.io/v1", "PeerAuthentication"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
)
# Seconds between two looks at the pods while a version comes in; the Deployment itself is watched.
LOOK = 2.0
# Seconds for an old version, whose pods still run, to be alone again.
RESTORE_SECONDS = 180.0


@dataclass
class Snapshot:
    """A service's objects as the cluster holds them."""

    objects: list[dict[str, Any]] = field(default_factory=list)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [obj for obj in self.objects if obj["kind"] == kind]

    def deployment(self, name: str) -> dict[str, Any] | None:
        return next((obj for obj in self.of_kind("Deployment") if obj["metadata"]["name"] == name), None)

    def revisions(self, name: str) -> list[Revision]:
        deployment = self.deployment(name)
        return revisions(deployment, self.of_kind("ReplicaSet")) if deployment else []


@dataclass
class Delivery:
    """What was done: the applied set, and the version that serves afterwards."""

    result: Result
    revision: int = 0
    image: str = ""
    pods: int = 0
    seconds: float = 0.0
    restored: bool = False


class DeliveryError(KubernetesError):
    """The wanted version is not the one that serves; ``delivery`` says what was done."""

    def __init__(self, message: str, delivery: Delivery) -> None:
        super().__init__(message)
        self.delivery = delivery


@dataclass(frozen=True)
class Target:
    """Which service is meant, by what the cluster knows of it."""

    name: str
    namespace: str

    @property
    def reference(self) -> Reference:
        return Reference("apps/v1", "Deployment", self.namespace, self.name)


def look(client: Client, target: Target) -> Snapshot:
    """Read a service's objects, one list a kind, at the same time."""
    label = f"app={target.name}"

    def read(kind: tuple[str, str]) -> list[dict[str, Any]]:
        if client.discovery.find(*kind) is None:  # the mesh's kinds, where there is none
            return []
        try:
            return client.list(*kind, target.namespace, label).items
        except ApiError as error:
            if error.not_found:
                return []
            raise

    return Snapshot([obj for items in client.map(read, KINDS) for obj in items])


def plan_first(service: Service, secrets: Mapping[str, str], diff: bool) -> Delivery:
    """What a first run would do, for check mode before there is a cluster."""
    return Delivery(plan_without_cluster(render(service, secrets), _options(service, True, diff, False)))


def _options(service: Service, check: bool, diff: bool, force: bool) -> Options:
    return Options(
        name=service.object_name, namespace=service.namespace, check=check, diff=diff, force=force, prune=True
    )


def deliver(
    client: Client,
    service: Service,
    secrets: Mapping[str, str],
    check: bool = False,
    diff: bool = False,
    force: bool = False,
) -> Delivery:
    """Apply a service and stay until its pods serve.

    When a new version fails, everything is put back as it was and the old version goes on serving: its pods
    were never taken away, because one is removed only after a new one serves.

    :raises DeliveryError: the new version failed; the message has the reason and what serves now.
    :raises KubernetesError: the objects were not accepted, or the cluster could not be reached.
    """
    began = time.monotonic()
    target = Target(service.object_name, service.namespace)
    wanted = render(service, secrets)
    before = look(client, target)
    options = _options(service, check, diff, force)
    coloured = _coloured(before, target)
    delivery = Delivery(apply_set(client, wanted + still_read(before, wanted) + coloured, options))
    if check or not service.runs_pods:
        return delivery
    raise_floor(client, service, delivery.result)
    failure = follow(client, target, service.deadline)
    if failure:
        text = _restore(client, service, before, options, delivery, failure)
        raise DeliveryError(text, _finish(client, target, delivery, began))
    if any(revision.failed for revision in before.revisions(target.name)):
        _unmark(client, target)
    if coloured:
        done = apply_set(client, wanted + still_read(before, wanted), replace(options, diff=False))
        delivery.result.pruned += done.pruned
    return _finish(client, target, delivery, began)


def _coloured(before: Snapshot, target: Target) -> list[dict[str, Any]]:
    """What a strategy with two colours left: it serves until the version without a colour does."""
    live = [
        obj
        for kind in ("Deployment", "HorizontalPodAutoscaler")
        for obj in before.of_kind(kind)
        if "nilecare.sd/colour" in obj["metadata"].get("labels", {})
        and obj["metadata"]["name"] != target.name
    ]
    return [own for obj in live if (own := applied_by(obj, MANAGER)) is not None]


def still_read(before: Snapshot, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Configuration and secrets of earlier versions, which are kept as long as one can go back to them."""
    names = {obj["metadata"]["name"] for obj in wanted if obj["kind"] in ("ConfigMap", "Secret")}
    read: set[str] = set()
    for replica_set in before.of_kind("ReplicaSet"):
        read |= configuration_names(replica_set["spec"]["template"])
    kept = []
    for obj in before.of_kind("ConfigMap") + before.of_kind("Secret"):
        if obj["metadata"]["name"] in read - names:
            own = applied_by(obj, MANAGER)
            if own is not None:
                kept.append(own)
    return kept


def raise_floor(client: Client, service: Service, result: Result) -> None:
    """A Deployment begins with one pod; an autoscaler would need up to 15 s to see that this is too few."""
    if service.autoscaler == "none":
        return
    deployment = client.get("apps/v1", "Deployment", service.object_name, service.namespace)
    floor = service.replicas.night if service.autoscaler == "keda" else service.replicas.day
    created = f"Deployment {service.namespace}/{service.object_name}" in result.created
    least = service.replicas.day if created else floor
    if deployment is None or deployment["spec"].get("replicas", 1) >= least:
        return
    client.patch(
        "apps/v1",
        "Deployment",
        service.object_name,
        service.namespace,
        {"spec": {"replicas": least}},
        subresource="scale",
        manager="nilecare-floor",
    )
    if not created:
        result.updated.append(f"Deployment {service.namespace}/{service.object_name} (pods: {least})")


def follow(client: Client, target: Target, deadline: float, selector: str = "") -> str:
    """Wait until the wanted version alone serves; the reason when it never will.

    :param selector: labels of the Deployment's pods and ReplicaSets; without it app=<its name>.
    """
    labels = selector or f"app={target.name}"
    judge: Judge | None = None
    number = ""
    began = progressed = time.monotonic()
    seen: tuple[int, int] = (0, 0)
    while True:
        pending = waiting.wait_for(client, [target.reference], LOOK)
        if not pending:
            return ""
        # A cluster that is slow to answer shows nothing within the look; that is no deletion.
        deployment = pending[0].object or client.get("apps/v1", "Deployment", target.name, target.namespace)
        if deployment is None:
            return "its Deployment was deleted"
        current = deployment["metadata"].get("annotations", {}).get(REVISION, "")
        if judge is None or current != number:
            number = current
            judge = Judge(_template_hash(client, target, number, labels))
        pods = client.list("v1", "Pod", target.namespace, labels).items
        now = time.monotonic()
        failure = judge.verdict(deployment, pods, now)
        if failure:
            return failure
        status = deployment.get("status") or {}
        state = (status.get("updatedReplicas", 0), status.get("availableReplicas", 0))
        if state != seen:
            seen, progressed = state, now
        # The Deployment's controller says so itself; this is for the case that it does not run.
        if now - progressed > deadline + 30 and now - began > deadline + 30:
            return f"{pending[0].readiness.message}, and nothing moved for {int(now - progressed)} s"


def _template_hash(client: Client, target: Target, number: str, labels: str) -> str:
    for replica_set in client.list("apps/v1", "ReplicaSet", target.namespace, labels).items:
        metadata = replica_set["metadata"]
        owners = [owner["name"] for owner in metadata.get("ownerReferences") or []]
        if target.name in owners and metadata.get("annotations", {}).get(REVISION) == number:
            return str(metadata["labels"].get(HASH, ""))
    return ""


def _why(client: Client, target: Target, failure: str) -> str:
    deployment = client.get("apps/v1", "Deployment", target.name, target.namespace)
    found = reasons.explain(client, deployment) if deployment else []
    return "\n".join([failure, *[f"- {reason}" for reason in found]])


def _restore(
    client: Client, service: Service, before: Snapshot, options: Options, delivery: Delivery, failure: str
) -> str:
    """Put everything back as it was before this run, and say what happened."""
    target = Target(service.object_name, service.namespace)
    now = look(client, target)
    found = now.revisions(target.name)
    failed = next((revision for revision in found if revision.current), None)
    version = failed.version if failed else service.version
    text = f"{service.name} {version} failed: {_why(client, target, failure)}"
    old = serving_before(found)
    if old is None:
        return f"{text}\nNo earlier version serves that could be gone back to; the objects stay as they are."
    earlier = [obj for obj in before.objects if obj["kind"] not in ("Deployment", "ReplicaSet")]
    kept = [own for obj in earlier if (own := applied_by(obj, MANAGER)) is not None]
    deployment = before.deployment(target.name) or now.deployment(target.name)
    if deployment is not None:
        kept.append(with_template(deployment, old))
    try:
        if failed is not None:
            _mark(client, target, failed, failure)
        apply_set(client, kept, replace(options, diff=False, prune=False, force=True))
    except KubernetesError as error:
        return f"{text}\nGoing back to {old.version} failed too: {error}"
    trouble = _settle(client, target)
    delivery.restored = True
    after = f", but it is not alone yet: {trouble}" if trouble else ""
    return (
        f"{text}\n{old.version} was put back and serves with {old.available} pods{after}; it never stopped."
    )


def _mark(client: Client, target: Target, revision: Revision, failure: str | None) -> None:
    """Note on a version's ReplicaSet why it failed, or with None that it came up after all."""
    client.patch(
        "apps/v1",
        "ReplicaSet",
        revision.name,
        target.namespace,
        {"metadata": {"annotations": {FAILED: failure}}},
        manager="nilecare-history",
    )


def _unmark(client: Client, target: Target) -> None:
    """The version that serves now did come up, whatever it did before."""
    for revision in look(client, target).revisions(target.name):
        if revision.current and revision.failed:
            _mark(client, target, revision, None)


def with_template(deployment: dict[str, Any], revision: Revision) -> dict[str, Any]:
    """The Deployment as we applied it, with an earlier version's pods."""
    own = applied_by(deployment, MANAGER) or {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {key: deployment["metadata"][key] for key in ("name", "namespace")},
        "spec": {"selector": deployment["spec"]["selector"]},
    }
    return {**own, "spec": {**own["spec"], "template": revision.template}}


def _settle(client: Client, target: Target) -> str:
    pending = waiting.wait_for(client, [target.reference], RESTORE_SECONDS)
    return pending[0].readiness.message if pending else ""


def _finish(client: Client, target: Target, delivery: Delivery, began: float) -> Delivery:
    deployment = client.get("apps/v1", "Deployment", target.name, target.namespace)
    if deployment is not None:
        delivery.revision = int(deployment["metadata"].get("annotations", {}).get(REVISION, 0))
        delivery.image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        delivery.pods = (deployment.get("status") or {}).get("availableReplicas", 0)
    delivery.seconds = round(time.monotonic() - began, 1)
    return delivery


def go_back(
    client: Client, target: Target, number: int = 0, deadline: float = 300.0, check: bool = False
) -> tuple[Revision, Revision, bool]:
    """Bring an earlier version back by hand.

    :param number: its revision; 0 is the one before the current.
    :returns: the version that served, the version that serves now, and whether anything changed.
    :raises KubernetesError: there is no such version, its configuration is gone, or it does not come up.
    """
    snapshot = look(client, target)
    deployment = snapshot.deployment(target.name)
    found = snapshot.revisions(target.name)
    current = next((revision for revision in found if revision.current), None)
    if deployment is None and _coloured(snapshot, target):
        raise KubernetesError(
            f"{target.namespace}/{target.name} runs in two colours: delivery_abort.yml brings back the"
            " version that is kept, a delivery any other. Nothing was changed."
        )
    if deployment is None or current is None:
        raise KubernetesError(f"{target.namespace}/{target.name} was never deployed. Nothing was changed.")
    if number:
        chosen = next((revision for revision in found if revision.number == number), None)
    else:
        chosen = previous(found)
    if chosen is None:
        known = ", ".join(f"{revision.number} ({revision.version})" for revision in found)
        wanted = f"revision {number}" if number else "an earlier revision"
        raise KubernetesError(f"{target.name} has no {wanted}; there are: {known}. Nothing was changed.")
    if chosen.current:
        return current, current, False
    there = {obj["metadata"]["name"] for obj in snapshot.of_kind("ConfigMap") + snapshot.of_kind("Secret")}
    gone = sorted(set(chosen.configuration) - there)
    if gone:
        raise KubernetesError(
            f"revision {chosen.number} of {target.name} reads {', '.join(gone)}, which is gone."
            " Nothing was changed."
        )
    if check:
        return current, chosen, True
    client.apply(_labelled(with_template(deployment, chosen), deployment), MANAGER, force=True)
    failure = follow(client, target, deadline)
    if failure:
        text = _why(client, target, failure)
        _mark(client, target, chosen, failure)
        newest = client.get("apps/v1", "Deployment", target.name, target.namespace) or deployment
        client.apply(_labelled(with_template(newest, current), newest), MANAGER, force=True)
        trouble = _settle(client, target)
        raise KubernetesError(
            f"revision {chosen.number} ({chosen.version}) failed: {text}\n{current.version} was put back"
            + (f", but it is not alone yet: {trouble}" if trouble else "; it never stopped.")
        )
    _unmark(client, target)
    return current, chosen, True


def _labelled(obj: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    """With all labels that the object bears now, the set's among them."""
    metadata = {**obj["metadata"], "labels": dict(live["metadata"].get("labels", {}))}
    return {**obj, "metadata": metadata}
