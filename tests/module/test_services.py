"""Services on real controllers and a real scheduler: delivered, updated, taken back, in three zones."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import KubernetesError
from ansible_collections.nilecare.platform.plugins.module_utils.services import deliver as delivering
from ansible_collections.nilecare.platform.plugins.module_utils.services.deliver import (
    Delivery,
    DeliveryError,
    Target,
    deliver,
    go_back,
    look,
)
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Service, Tier
from ansible_collections.nilecare.platform.plugins.module_utils.services.namespaces import (
    namespace_objects,
    platform_objects,
)
from ansible_collections.nilecare.platform.plugins.module_utils.services.rollout import PATIENCE
from ansible_collections.nilecare.platform.plugins.module_utils.services.spread import rebalance

from tests.module.control_plane import ControlPlane
from tests.module.shipped import SMALL, model
from tests.module.small_cluster import NODES, SmallCluster

_numbers = itertools.count(1)


Run = Callable[..., Delivery]


@pytest.fixture
def service(cluster: SmallCluster, client: Client) -> Service:
    """The shipped EHR, small and quick, in a namespace of its own that is as strict as the real one."""
    name = f"clinical-{next(_numbers)}"
    for obj in namespace_objects(replace(model().namespaces["clinical"], name=name), {"small": SMALL}):
        client.apply(obj)
    return replace(
        model().services["ehr"],
        namespace=name,
        tier=SMALL,
        minimum_ready_seconds=0,
        deadline=20,
        environment={"MODE": "calm"},
        secret_names=("KEY",),
    )


@pytest.fixture
def run(client: Client) -> Run:
    def deliver_it(service: Service, key: str = "s3cret", **arguments: Any) -> Delivery:
        return deliver(client, service, {"KEY": key}, **arguments)

    return deliver_it


def pods(client: Client, service: Service) -> list[dict[str, Any]]:
    items = client.list("v1", "Pod", service.namespace, f"app={service.object_name}").items
    return [pod for pod in items if not pod["metadata"].get("deletionTimestamp")]


def images(client: Client, service: Service) -> set[str]:
    return {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods(client, service)}


def test_a_first_delivery_serves_in_three_zones(client: Client, service: Service, run: Run) -> None:
    delivery = run(service)
    assert delivery.result.changed
    assert (delivery.pods, delivery.revision) == (3, 1)
    zones = [NODES[pod["spec"]["nodeName"]] for pod in pods(client, service)]
    assert sorted(zones) == ["bahri", "khartoum", "omdurman"]
    zone = pods(client, service)[0]["metadata"]["labels"]["topology.kubernetes.io/zone"]
    assert zone in zones, "the variable ZONE is read from this label"


def test_a_second_delivery_changes_nothing(service: Service, run: Run) -> None:
    run(service)
    again = run(service)
    assert not again.result.changed
    assert again.result.created == again.result.updated == again.result.pruned == []


def test_a_new_version_is_one_line_of_diff(client: Client, service: Service, run: Run) -> None:
    run(service)
    planned = run(replace(service, version="2.1.0"), check=True, diff=True)
    assert planned.result.updated == [f"Deployment {service.namespace}/ehr-service"]
    before, after = (set(planned.result.differences[0][side].splitlines()) for side in ("before", "after"))
    assert [line.strip() for line in after - before] == ["image: docker.io/nilecare/ehr:2.1.0"]
    assert len(before - after) == 1
    assert images(client, service) == {"1.0.0"}


def test_an_update_never_has_fewer_pods(client: Client, service: Service, run: Run) -> None:
    run(service)
    seen: list[int] = []
    watch = client.watch("apps/v1", "Deployment", service.namespace, timeout=60)

    def follow() -> None:
        for event in watch:
            if event.type in ("ADDED", "MODIFIED"):
                seen.append((event.object.get("status") or {}).get("availableReplicas", 0))

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    delivery = run(replace(service, version="2.0.0"))
    watch.close()
    thread.join(5)
    assert delivery.image.endswith(":2.0.0")
    assert images(client, service) == {"2.0.0"}
    assert seen
    assert min(seen) >= 3


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("absent-1", r"its image cannot be pulled(.|\n)*not found"),
        ("crash-1", r"its container crashes(.|\n)*exit code 3(.|\n)*no database"),
        ("unready-1", r"did not become ready within the deadline(.|\n)*runs and is not ready"),
    ],
)
def test_a_bad_version_is_taken_back(
    client: Client, service: Service, run: Run, version: str, reason: str
) -> None:
    run(service)
    bad = replace(service, version=version, environment={"MODE": "wild"}, deadline=6)
    with pytest.raises(DeliveryError, match=reason) as failure:
        run(bad)
    assert "1.0.0 was put back and serves with 3 pods; it never stopped" in str(failure.value)
    assert failure.value.delivery.restored
    assert images(client, service) == {"1.0.0"}
    assert not run(service).result.updated, "everything is as it was"


def test_everything_is_put_back_with_the_old_version(client: Client, service: Service, run: Run) -> None:
    run(service)

    def rest() -> list[Any]:
        policy = client.get("networking.k8s.io/v1", "NetworkPolicy", "ehr-service", service.namespace)
        budget = client.get("v1", "Service", "ehr-service", service.namespace)
        assert policy is not None
        assert budget is not None
        return [policy["spec"], budget["spec"]]

    before = rest()
    with pytest.raises(DeliveryError):
        run(replace(service, version="absent-1", dependencies=service.dependencies[:1], port=4999))
    assert rest() == before


def test_a_first_version_that_fails_has_nothing_to_go_back_to(service: Service, run: Run) -> None:
    with pytest.raises(DeliveryError, match="No earlier version serves"):
        run(replace(service, version="absent-1"))


def test_a_killed_run_is_taken_up(
    client: Client, service: Service, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the objects were applied: the next run finds nothing to apply, and judges all the same."""
    run(service)
    bad = replace(service, version="crash-1")

    def killed(*_arguments: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delivering, "follow", killed)
        with pytest.raises(KeyboardInterrupt):
            run(bad)
    with pytest.raises(DeliveryError, match=r"1\.0\.0 was put back"):
        run(bad)
    assert images(client, service) == {"1.0.0"}


def test_pods_that_no_node_has_room_for(
    client: Client, service: Service, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PATIENCE, "Unschedulable", 2.0)
    run(service)
    huge = replace(service, tier=Tier("huge", 3000, 3000, 2**20, 2**20))
    client.delete("v1", "LimitRange", "limits", service.namespace)
    with pytest.raises(DeliveryError, match=r"cannot be scheduled(.|\n)*Insufficient cpu"):
        run(huge)
    assert len(pods(client, service)) == 3


def test_pods_that_the_quota_refuses(
    client: Client, service: Service, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PATIENCE, "ReplicaFailure", 1.0)
    run(service)
    client.patch("v1", "ResourceQuota", "quota", service.namespace, {"spec": {"hard": {"pods": "3"}}})
    with pytest.raises(DeliveryError, match=r"refused by the quota(.|\n)*exceeded quota"):
        run(replace(service, version="2.0.0"))
    assert images(client, service) == {"1.0.0"}


def test_a_changed_secret_restarts_the_pods_and_shows_in_no_diff(
    client: Client, service: Service, run: Run
) -> None:
    run(service)
    old = {pod["metadata"]["name"] for pod in pods(client, service)}
    delivery = run(service, key="an0ther", diff=True)
    assert old.isdisjoint(pod["metadata"]["name"] for pod in pods(client, service))
    shown = str(delivery.result.differences)
    assert "an0ther" not in shown
    assert "YW4wdGhlcg==" not in shown


def test_an_earlier_version_comes_back_with_its_configuration(
    client: Client, service: Service, run: Run
) -> None:
    run(service)
    run(replace(service, version="2.0.0", environment={"MODE": "wild"}))
    target = Target(service.object_name, service.namespace)
    was, now, changed = go_back(client, target)
    assert (was.version, now.version, changed) == ("2.0.0", "1.0.0", True)
    assert images(client, service) == {"1.0.0"}
    name = next(name for name in now.configuration if client.get("v1", "ConfigMap", name, service.namespace))
    config = client.get("v1", "ConfigMap", name, service.namespace)
    assert config is not None
    assert config["data"] == {"MODE": "calm"}
    found = look(client, target).revisions(target.name)
    assert [(revision.number, revision.version, revision.current) for revision in found] == [
        (2, "2.0.0", False),
        (3, "1.0.0", True),
    ]
    assert not run(service).result.updated, "the inventory's own state, once it says the same version"


def test_a_failed_version_is_passed_over(client: Client, service: Service, run: Run) -> None:
    run(service)
    run(replace(service, version="2.0.0"))
    with pytest.raises(DeliveryError):
        run(replace(service, version="absent-1"))
    target = Target(service.object_name, service.namespace)
    failed = [r.version for r in look(client, target).revisions(target.name) if r.failed]
    assert failed == ["absent-1"]
    assert go_back(client, target)[1].version == "1.0.0"
    with pytest.raises(
        KubernetesError, match=r"absent-1\) failed(.|\n)*1\.0\.0 was put back; it never stopped"
    ):
        go_back(client, target, 3, deadline=6)
    assert images(client, service) == {"1.0.0"}


def test_going_back_to_what_is_not_there(client: Client, service: Service, run: Run) -> None:
    target = Target(service.object_name, service.namespace)
    with pytest.raises(KubernetesError, match=r"was never deployed\. Nothing was changed"):
        go_back(client, target)
    run(service)
    with pytest.raises(KubernetesError, match=r"has no revision 7; there are: 1 \(1\.0\.0\)"):
        go_back(client, target, 7)


def test_a_node_is_drained_at_two_pods(client: Client, service: Service, run: Run) -> None:
    night = replace(service, autoscaler="none", replicas=replace(service.replicas, day=2))
    run(night)
    victim = pods(client, night)[0]["metadata"]["name"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": victim, "namespace": night.namespace},
    }
    path = f"/api/v1/namespaces/{night.namespace}/pods/{victim}/eviction"
    client.request("POST", path, None, eviction)


def test_a_deployer_needs_no_more_than_its_role(
    control_plane: ControlPlane, service: Service, run: Run
) -> None:
    certificate, key = control_plane.authority.issue("deployer", "amna", "nilecare:deployers")
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    kubeconfig = control_plane.write_kubeconfig("deployer", user)
    with Client.from_kubeconfig(kubeconfig) as client:
        deliver(client, service, {"KEY": "a"})
        assert deliver(client, replace(service, version="2.0.0"), {"KEY": "b"}).pods == 3
        with pytest.raises(DeliveryError, match=r"2\.0\.0 was put back(.|\n)*never stopped"):
            deliver(client, replace(service, version="crash-1"), {"KEY": "b"})
        assert go_back(client, Target(service.object_name, service.namespace))[1].version == "1.0.0"
        with pytest.raises(KubernetesError, match="forbidden"):
            deliver(client, replace(service, namespace="kube-system"), {"KEY": "a"})


def test_twenty_pods_are_as_even_as_can_be(client: Client, service: Service, run: Run) -> None:
    many = replace(service, autoscaler="none", replicas=replace(service.replicas, day=20, maximum=20))
    assert run(many).pods == 20
    zones = [NODES[pod["spec"]["nodeName"]] for pod in pods(client, many)]
    assert sorted(zones.count(zone) for zone in set(zones)) == [6, 7, 7]


def test_every_shipped_service_is_accepted(client: Client, service: Service) -> None:
    """By the real schema, in check mode, with every other choice of autoscaler and type."""
    for shipped_service in model().services.values():
        inner = replace(shipped_service, namespace=service.namespace)
        outer = replace(inner, autoscaler="none", type="NodePort", node_port=30123)
        for one in (inner, outer):
            assert deliver(client, one, {}, check=True).result.created


def test_the_namespaces_are_accepted(client: Client, control_plane: ControlPlane) -> None:
    from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.apply import Options, apply_set

    objects = platform_objects(model())
    options_ = Options(name="nilecare-namespaces", namespace="kube-system")
    apply_set(client, objects, options_)
    assert apply_set(client, objects, options_).changed is False


def test_pods_come_back_into_every_site(client: Client, service: Service, run: Run) -> None:
    def zones() -> list[str]:
        return sorted(NODES[pod["spec"]["nodeName"]] for pod in pods(client, service))

    away = [name for name, zone in NODES.items() if zone == "bahri"]
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    try:
        for name in away:
            spec = {"unschedulable": True, "taints": [taint]}
            client.patch("v1", "Node", name, None, {"spec": spec})
        run(service)
        assert "bahri" not in zones()
    finally:
        for name in away:
            client.patch("v1", "Node", name, None, {"spec": {"unschedulable": None, "taints": None}})
    mine = f"app={service.object_name}"

    def moved(check: bool = False) -> list[str]:
        found = [one for one in rebalance(client, mine, 30, check) if service.namespace in one.name]
        assert [one.trouble for one in found] == [""]
        return found[0].moved

    assert len(moved(check=True)) == 1
    assert "bahri" not in zones()
    assert len(moved()) == 1
    assert zones() == ["bahri", "khartoum", "omdurman"]
    assert moved() == []
    assert not run(service).result.changed
