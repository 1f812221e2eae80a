# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which control plane serves which workload, and the way from one to the next."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client, Listing
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import KubernetesError
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.readiness import Readiness
from ansible_collections.nilecare.platform.plugins.module_utils.services import mesh_workloads
from ansible_collections.nilecare.platform.plugins.module_utils.services.mesh_workloads import (
    MANAGER,
    MOVED,
    MoveFailed,
    Workload,
    move,
    served,
    serving,
)


def owned(name: str, kind: str, owner: str, **more: Any) -> dict[str, Any]:
    owners = [{"kind": kind, "name": owner}]
    return {"metadata": {"name": name, "namespace": "clinical", "ownerReferences": owners, **more}}


def pod(workload: str, revision: str, **more: Any) -> dict[str, Any]:
    annotations = {"istio.io/rev": revision} if revision else {}
    return owned(f"{workload}-x", "ReplicaSet", f"{workload}-set", annotations=annotations, **more)


def istiod(revision: str) -> dict[str, Any]:
    return {"metadata": {"name": "istiod", "labels": {"app": "istiod", "istio.io/rev": revision}}}


class Cluster(Client):
    """A cluster of Deployments whose pods follow the annotation at once, unless their name says `bad`."""

    def __init__(self, workloads: dict[str, str], planes: tuple[str, ...] = ("old", "new")) -> None:
        self.workloads = dict(workloads)
        self.annotations: dict[str, str | None] = {}
        self.planes = planes
        self.managers: set[str] = set()

    def list(self, api_version: str, kind: str, *_where: Any, **_more: Any) -> Listing:
        items = {
            "Pod": [pod(name, revision) for name, revision in self.workloads.items()],
            "ReplicaSet": [owned(f"{name}-set", "Deployment", name) for name in self.workloads],
            "Deployment": [istiod(plane) for plane in self.planes],
        }[kind]
        return Listing(items, "1")

    def get(
        self, _version: str, kind: str, name: str, _namespace: str | None = None
    ) -> dict[str, Any] | None:
        if kind == "MutatingWebhookConfiguration":
            return istiod("old") if name == "istio-revision-tag-nilecare" else None
        annotations = {MOVED: self.annotations[name]} if self.annotations.get(name) else {}
        return {"spec": {"template": {"metadata": {"annotations": annotations}}}}

    def patch(self, _version: str, _kind: str, name: str, *arguments: Any, **more: Any) -> dict[str, Any]:
        value = arguments[1]["spec"]["template"]["metadata"]["annotations"][MOVED]
        self.managers.add(more["manager"])
        self.annotations[name] = value
        if value and "bad" not in name:
            self.workloads[name] = value.split(".")[0]
        return {}


class Pending:
    readiness = Readiness("progressing", "0 of 3 replicas available")


@pytest.fixture(autouse=True)
def waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait_for(_client: Any, references: list[Any], _timeout: float) -> list[Pending]:
        return [Pending() for reference in references if "bad" in reference.name]

    monkeypatch.setattr(mesh_workloads.waiting, "wait_for", wait_for)
    monkeypatch.setattr(mesh_workloads.reasons, "explain", lambda *_: ["the image cannot be pulled"])


def test_pods_of_the_mesh_are_counted_by_workload() -> None:
    pods = [pod("ehr", "old"), pod("ehr", "new"), pod("lab", "old", deletionTimestamp="now"), pod("auth", "")]
    sets = [owned(f"{name}-set", "Deployment", name) for name in ("ehr", "lab", "auth")]
    assert served(pods, sets) == {Workload("clinical", "ehr"): {"old", "new"}}


def test_the_tag_says_who_serves() -> None:
    assert serving(Cluster({}), "nilecare") == "old"
    assert serving(Cluster({}), "other") == ""


def test_all_are_moved_and_a_second_run_changes_nothing() -> None:
    cluster = Cluster({"ehr": "old", "lab": "new", "auth": "old"})
    done = move(cluster, "new", 1, check=False)
    assert done.moved == ["clinical/auth", "clinical/ehr"]
    assert done.others == ["old"]
    assert cluster.managers == {MANAGER}
    assert move(cluster, "new", 1, check=False).moved == []


def test_check_mode_moves_nothing() -> None:
    cluster = Cluster({"ehr": "old"})
    before = copy.deepcopy(cluster.workloads)
    assert move(cluster, "new", 1, check=True).moved == ["clinical/ehr"]
    assert cluster.workloads == before
    assert cluster.annotations == {}


def test_pods_that_the_old_webhook_still_met_are_started_once_more() -> None:
    cluster = Cluster({"ehr": "old"})
    cluster.annotations["ehr"] = "new"
    move(cluster, "new", 1, check=False)
    assert str(cluster.annotations["ehr"]).startswith("new.")
    assert cluster.workloads == {"ehr": "new"}


def test_what_does_not_come_up_is_put_back_and_the_rest_not_begun() -> None:
    cluster = Cluster({"auth": "old", "bad": "old", "lab": "old"})
    with pytest.raises(MoveFailed) as caught:
        move(cluster, "new", 1, check=False)
    assert caught.value.move.moved == ["clinical/auth"]
    assert "clinical/bad did not come up with revision new, and was put back" in str(caught.value)
    assert "the image cannot be pulled" in str(caught.value)
    assert cluster.annotations["bad"] is None
    assert cluster.workloads["lab"] == "old"


def test_a_control_plane_that_is_not_there_is_refused() -> None:
    cluster = Cluster({"ehr": "old"}, planes=("old",))
    with pytest.raises(KubernetesError, match=r"no control plane .* revision new; there are old\. Nothing"):
        move(cluster, "new", 1, check=False)
    assert cluster.annotations == {}
