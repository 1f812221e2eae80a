# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a Deployment's ReplicaSets tell: which versions there were, and which one to go back to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
# Put on the ReplicaSet of a version that did not come up, so that nobody goes back to it unasked.
FAILED = "nilecare.sd/failed"


@dataclass(frozen=True)
class Revision:
    """One version that was deployed.

    :param number: counts up with every change of the pods; going back gives an old version a new number.
    :param image: with its tag.
    :param configuration: names of the ConfigMap and Secret that its pods read.
    :param created: when it first came, as the API server writes it.
    :param pods, available: how many run, and how many of them serve.
    :param current: whether it is the one that is wanted now.
    :param name: of its ReplicaSet.
    :param template: of its pods, without the hash.
    :param failed: why it did not come up the last time; empty when it did.
    """

    number: int
    image: str
    configuration: tuple[str, ...]
    created: str
    pods: int
    available: int
    current: bool
    name: str
    template: dict[str, Any]
    failed: str = ""

    @property
    def version(self) -> str:
        """The image's tag."""
        return self.image.rpartition(":")[2]

    def summary(self) -> dict[str, Any]:
        """For people and programs: everything but the template."""
        return {
            "revision": self.number,
            "version": self.version,
            "image": self.image,
            "configuration": list(self.configuration),
            "created": self.created,
            "pods": self.pods,
            "available": self.available,
            "current": self.current,
            "failed": self.failed,
        }

    def __str__(self) -> str:
        serving = f"{self.available} pods serve" if self.pods else "no pods"
        state = f"failed: {self.failed}" if self.failed else serving
        mark = "  (current)" if self.current else ""
        return f"{self.number}  {self.version}  since {self.created}  {state}{mark}"


def revisions(deployment: dict[str, Any], replica_sets: Iterable[dict[str, Any]]) -> list[Revision]:
    """The versions of a Deployment, oldest first.

    :param replica_sets: may hold other Deployments' ReplicaSets too; they are left out.
    """
    uid = deployment["metadata"]["uid"]
    now = _number(deployment)
    found = []
    for replica_set in replica_sets:
        owners = replica_set["metadata"].get("ownerReferences") or []
        if any(owner.get("uid") == uid for owner in owners):
            found.append(_revision(replica_set, now))
    return sorted(found, key=lambda revision: revision.number)


def _revision(replica_set: dict[str, Any], now: int) -> Revision:
    metadata, status = replica_set["metadata"], replica_set.get("status") or {}
    template = _without_hash(replica_set["spec"]["template"])
    container = template["spec"]["containers"][0]
    return Revision(
        number=_number(replica_set),
        image=container["image"],
        configuration=tuple(sorted(configuration_names(template))),
        created=metadata.get("creationTimestamp", ""),
        pods=status.get("replicas", 0),
        available=status.get("availableReplicas", 0),
        current=_number(replica_set) == now,
        name=metadata.get("name", ""),
        template=template,
        failed=(metadata.get("annotations") or {}).get(FAILED, ""),
    )


def _number(obj: dict[str, Any]) -> int:
    return int((obj["metadata"].get("annotations") or {}).get(REVISION, 0))


def _without_hash(template: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in template["metadata"].items() if key != "creationTimestamp"}
    metadata["labels"] = {key: value for key, value in metadata.get("labels", {}).items() if key != HASH}
    return {**template, "metadata": metadata, "spec": _without_expansions(template["spec"])}


def _without_expansions(spec: dict[str, Any]) -> dict[str, Any]:
    """Without the alias that the API server writes beside serviceAccountName."""
    return {key: value for key, value in spec.items() if key != "serviceAccount"}


def configuration_names(template: dict[str, Any]) -> set[str]:
    """Names of the ConfigMaps and Secrets that a pod template reads."""
    names = set()
    for container in template["spec"].get("containers", []):
        for source in container.get("envFrom") or []:
            for kind in ("configMapRef", "secretRef"):
                if kind in source:
                    names.add(source[kind]["name"])
    return names


def serving_before(found: list[Revision]) -> Revision | None:
    """The newest version, other than the wanted one, whose pods serve."""
    serving = [revision for revision in found if not revision.current and revision.available > 0]
    return serving[-1] if serving else None


def previous(found: list[Revision]) -> Revision | None:
    """The version before the wanted one that came up, whether or not it still runs."""
    earlier = [revision for revision in found if not revision.current and not revision.failed]
    return earlier[-1] if earlier else None
