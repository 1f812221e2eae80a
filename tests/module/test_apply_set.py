"""A set is created, found unchanged, drifts, conflicts, is pruned; kubectl knows the same set."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.applyset import (
    MEMBER_LABEL,
    set_id,
)
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client

from tests.module.conditions import until
from tests.module.conftest import Apply
from tests.module.control_plane import ControlPlane
from tests.module.samples import config_map, custom, definition, deployment, pod_spec, secret

CONFIG_AND_WORKLOAD = [
    config_map("settings", colour="blue"),
    deployment("app", replicas=2),
    secret("key", password="x"),
]

HTTP_PORTS = [{"name": "http", "port": 80}, {"name": "dns", "port": 53}]
POD_NAME = {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
CPU = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}
LIMITS = {"limits": {"cpu": "1000m", "memory": "1024Mi"}}


def obj(api_version: str, kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


NOTATIONS = [
    deployment("quantities", resources=LIMITS, ports=[{"containerPort": 80}]),
    deployment("variables", env=[POD_NAME, {"name": "EMPTY"}]),
    obj(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "defaults-in-lists",
        podSelector={},
        ingress=[{"ports": [{"port": 80}]}],
        policyTypes=["Ingress"],
    ),
    obj("v1", "Service", "ports", selector={"app": "x"}, ports=HTTP_PORTS),
    obj(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "scaler",
        scaleTargetRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": "quantities"},
        maxReplicas=3,
        metrics=[{"type": "Resource", "resource": CPU}],
    ),
    obj(
        "apps/v1",
        "StatefulSet",
        "claims",
        serviceName="claims",
        selector={"matchLabels": {"app": "claims"}},
        template={
            "metadata": {"labels": {"app": "claims"}},
            "spec": {**pod_spec(), "volumes": [{"name": "tmp", "emptyDir": {}}]},
        },
        volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": CLAIM}],
    ),
]


def test_a_set_is_created_once(apply: Apply, namespace: str) -> None:
    first = apply(CONFIG_AND_WORKLOAD)
    assert first["changed"] and first["created"] == [
        f"ConfigMap {namespace}/settings",
        f"Deployment {namespace}/app",
        f"Secret {namespace}/key",
    ]
    second = apply(CONFIG_AND_WORKLOAD, diff=True)
    assert not second["changed"] and second["unchanged"] == 3 and second["diff"] == []


def test_objects_are_not_repeated_in_the_invocation(apply: Apply) -> None:
    result = apply([secret("key", password="a-secret-word")])
    assert result["invocation"]["module_args"]["objects"] == "1 objects"


def test_another_notation_and_defaults_are_no_change(apply: Apply) -> None:
    assert len(apply(NOTATIONS)["created"]) == len(NOTATIONS)
    assert not apply(NOTATIONS)["changed"]
    assert not apply(NOTATIONS, check=True)["changed"]


def test_a_changed_and_a_removed_field_are_updates(apply: Apply, client: Client, namespace: str) -> None:
    apply([config_map("settings", colour="blue", size="10")])
    result = apply([config_map("settings", colour="green")])
    assert result["updated"] == [f"ConfigMap {namespace}/settings"]
    found = client.get("v1", "ConfigMap", "settings", namespace)
    assert found is not None and found["data"] == {"colour": "green"}


def test_order_of_variables_is_a_change(apply: Apply) -> None:
    variables = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}]
    apply([deployment("app", env=variables)])
    assert apply([deployment("app", env=variables[::-1])])["changed"]


def test_a_deleted_field_is_mended(apply: Apply, control_plane: ControlPlane, namespace: str) -> None:
    objects = [config_map("settings", colour="blue", size="10")]
    apply(objects)
    control_plane.kubectl(
        "patch",
        "configmap",
        "-n",
        namespace,
        "settings",
        "--type=json",
        '-p=[{"op":"remove","path":"/data/size"}]',
    )
    assert apply(objects, check=True)["updated"] == [f"ConfigMap {namespace}/settings"]
    assert apply(objects)["updated"] == [f"ConfigMap {namespace}/settings"]
    assert not apply(objects)["changed"]


def test_a_deleted_object_comes_back(apply: Apply, client: Client, namespace: str) -> None:
    objects = [config_map("one"), config_map("two")]
    apply(objects)
    client.delete("v1", "ConfigMap", "one", namespace)
    assert apply(objects)["created"] == [f"ConfigMap {namespace}/one"]


def test_a_drifted_field_is_reported_with_its_manager_and_mended_by_force(
    apply: Apply, control_plane: ControlPlane, client: Client, namespace: str
) -> None:
    objects = [deployment("app", replicas=2), config_map("other")]
    apply(objects)
    control_plane.kubectl(
        "patch",
        "deployment",
        "-n",
        namespace,
        "app",
        "-p",
        '{"spec":{"replicas":5}}',
        "--field-manager=night-shift",
    )
    for check in (True, False):
        refused = apply(objects, check=check)
        assert refused["failed"] and not refused["changed"]
        assert ".spec.replicas (manager night-shift)" in refused["msg"] and "force" in refused["msg"]
    mended = apply(objects, force=True)
    assert mended["updated"] == [f"Deployment {namespace}/app"]
    found = client.get("apps/v1", "Deployment", "app", namespace)
    assert found is not None and found["spec"]["replicas"] == 2
    assert not apply(objects)["changed"]


def test_what_others_own_is_left_alone(
    apply: Apply, control_plane: ControlPlane, client: Client, namespace: str
) -> None:
    objects = [deployment("app")]
    apply(objects)
    control_plane.kubectl("annotate", "deployment", "-n", namespace, "app", "note=by hand")
    assert not apply(objects)["changed"]
    found = client.get("apps/v1", "Deployment", "app", namespace)
    assert found is not None and found["metadata"]["annotations"]["note"] == "by hand"


def test_objects_that_left_are_pruned(apply: Apply, client: Client, namespace: str) -> None:
    apply([config_map("stays"), config_map("goes"), deployment("goes-too")])
    unpruned = apply([config_map("stays")], prune=False)
    assert not unpruned["changed"]
    planned = apply([config_map("stays")], check=True)
    assert planned["pruned"] == [f"Deployment {namespace}/goes-too", f"ConfigMap {namespace}/goes"]
    assert apply([config_map("stays")])["pruned"] == planned["pruned"]
    assert client.get("v1", "ConfigMap", "goes", namespace) is None
    assert client.get("v1", "ConfigMap", "stays", namespace) is not None
    assert not apply([config_map("stays")])["changed"]


def test_a_set_that_is_taken_away_is_waited_for(apply: Apply, client: Client, namespace: str) -> None:
    """What an object owns goes before it; here, without a garbage collector, the test says when that is."""
    apply([deployment("app", replicas=2)])
    live = ("apps/v1", "Deployment", "app", namespace)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(apply, [], state="absent", wait=True)
        until(lambda: client.get(*live)["metadata"].get("deletionTimestamp"), "the object is deleted")
        with pytest.raises(TimeoutError):
            run.result(2)
        body = {"metadata": {"finalizers": []}}
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/app"
        client.request("PATCH", path, None, body, {"Content-Type": "application/merge-patch+json"})
        assert run.result(30)["pruned"] == [f"Deployment {namespace}/app"]
    assert client.get(*live) is None


def test_claims_are_pruned_only_when_told(apply: Apply, client: Client, namespace: str) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "records"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    apply([claim, config_map("stays")])
    result = apply([config_map("stays")])
    assert not result["changed"] and result["kept"] == [f"PersistentVolumeClaim {namespace}/records"]
    told = apply([config_map("stays")], prune_protected=[])
    assert told["pruned"] == [f"PersistentVolumeClaim {namespace}/records"]


def test_an_absent_set_leaves_nothing(apply: Apply, client: Client, namespace: str) -> None:
    apply([config_map("one"), secret("two", a="b")])
    assert len(apply([], state="absent")["pruned"]) == 2
    assert client.get("v1", "Secret", "test-set", namespace) is None
    assert not apply([], state="absent")["changed"]


def test_no_objects_are_a_mistake(apply: Apply) -> None:
    assert "no objects were given" in apply([])["msg"]


def test_kubectl_knows_the_same_set(apply: Apply, control_plane: ControlPlane, namespace: str) -> None:
    apply([config_map("stays", a="b"), config_map("goes"), deployment("goes")])
    selector = f"{MEMBER_LABEL}={set_id('test-set', namespace)}"
    listed = control_plane.kubectl(
        "get", "configmaps,deployments", "-n", namespace, "-l", selector, "-o", "name"
    )
    assert listed.stdout.split() == ["configmap/goes", "configmap/stays", "deployment.apps/goes"]

    arguments = (
        "apply",
        "-n",
        namespace,
        "--prune",
        "--applyset=test-set",
        "--server-side",
        "--field-manager=nilecare",
        "--filename=-",
    )
    stays = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"stays"},"data":{"a":"b"}}'
    refused = control_plane.kubectl(*arguments, stdin=stays, check=False)
    assert 'managed by tooling "nilecare-apply"' in refused.stderr  # As the specification wants it.

    tooling = "applyset.kubernetes.io/tooling"
    control_plane.kubectl(
        "annotate", "--overwrite", "secret", "-n", namespace, "test-set", f"{tooling}=kubectl/v1.36"
    )
    taken = control_plane.kubectl(*arguments, stdin=stays)
    assert sorted(taken.stdout.splitlines()) == [
        "configmap/goes pruned",
        "configmap/stays serverside-applied",
        "deployment.apps/goes pruned",
    ]

    foreign = apply([config_map("stays", a="b")])
    assert foreign["failed"] and "managed by kubectl/" in foreign["msg"]
    control_plane.kubectl(
        "annotate", "--overwrite", "secret", "-n", namespace, "test-set", f"{tooling}=nilecare-apply/v1"
    )
    assert not apply([config_map("stays", a="b")])["changed"]


def test_members_of_another_set_do_not_change_hands(apply: Apply, namespace: str) -> None:
    apply([config_map("shared", a="b")], name="first")
    refused = apply([config_map("shared", a="b"), config_map("new")], name="second")
    assert refused["failed"] and f"ConfigMap {namespace}/shared" in refused["msg"]
    assert refused["msg"].endswith("Nothing was changed.")
    assert apply([config_map("shared", a="b")], name="second", force=True)["changed"]


def test_a_secret_that_is_no_set_is_refused(apply: Apply) -> None:
    apply([secret("mine", a="b")])
    assert "is not the parent of an ApplySet" in apply([config_map("x")], name="mine")["msg"]


def test_a_definition_and_its_objects_in_one_call(apply: Apply, namespace: str) -> None:
    objects = [custom("Ward", f"ward-{n}", n) for n in range(3)] + [definition("wards", "Ward")]
    planned = apply(objects, check=True)
    assert len(planned["created"]) == 4
    assert len(apply(objects)["created"]) == 4
    assert not apply(objects)["changed"]
    assert apply([*objects[1:]])["pruned"] == [f"Ward {namespace}/ward-0"]


def test_namespaces_come_first(apply: Apply, client: Client, namespace: str) -> None:
    new = f"{namespace}-new"
    objects = [config_map("a", new), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": new}}]
    planned = apply(objects, namespace=new, check=True)
    assert planned["created"] == [f"ConfigMap {new}/a", f"Namespace {new}"]
    assert client.get("v1", "Namespace", new) is None
    assert apply(objects, namespace=new)["created"] == planned["created"]
    assert not apply(objects, namespace=new)["changed"]


@pytest.mark.parametrize("value", ["a-secret-word", "another"])
def test_differences_mask_secrets(apply: Apply, value: str) -> None:
    apply([secret("key", password="old-secret-word", user="ehr")])
    result = apply([secret("key", password=value, user="ehr"), config_map("plain", a="visible")], diff=True)
    shown = "".join(entry["before"] + entry["after"] for entry in result["diff"])
    assert "visible" in shown and "managedFields" not in shown
    entry = next(entry for entry in result["diff"] if "Secret" in entry["after_header"])
    changed = [line for line in entry["after"].splitlines() if line not in entry["before"].splitlines()]
    assert changed == ["  password: '******** (changed)'"]


def test_a_change_of_one_line_is_a_difference_of_one_line(apply: Apply) -> None:
    apply([deployment("app", image="registry.test/app:1")])
    planned = apply([deployment("app", image="registry.test/app:2")], check=True, diff=True)
    (entry,) = planned["diff"]
    before, after = entry["before"].splitlines(), entry["after"].splitlines()
    assert [line.strip() for line in after if line not in before] == ["- image: registry.test/app:2"]
    assert len(before) == len(after)
