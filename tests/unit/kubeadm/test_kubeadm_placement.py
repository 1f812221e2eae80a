# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Labels and taints: what is ours is mended, what is others' stays."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import placement

GROUPS = {
    "control_plane": ["k1", "o1"],
    "workers": ["k2", "o1"],
    "site_khartoum": ["k1", "k2"],
    "site_omdurman": ["o1"],
    "pool_storage": ["k2"],
}
TAINT = {"key": "nilecare.sd/storage", "effect": "NoSchedule", "value": "yes"}
HOSTVARS: dict[str, Any] = {
    "k1": {"ansible_host": "10.77.1.11"},
    "o1": {"ansible_host": "fd00:0077::11", "node_labels_extra": {"rack": 7}},
    "k2": {"ansible_host": "10.77.1.12", "node_labels_taints": [TAINT]},
}


def wished(host: str) -> dict[str, Any]:
    return placement.node_placements([host], GROUPS, HOSTVARS, "sudan")[0]


def node_like(wish: dict[str, Any]) -> dict[str, Any]:
    """A Node as it is after ``wish`` was brought about, with things of others on it."""
    body = placement.apply_body(wish)
    return {
        "metadata": {
            "name": wish["name"],
            "resourceVersion": "7",
            "labels": {**wish["labels"], "kubernetes.io/os": "linux"},
            "annotations": body["metadata"]["annotations"],
            "managedFields": [
                {
                    "manager": placement.MANAGER,
                    "operation": "Apply",
                    "fieldsV1": {"f:metadata": {"f:labels": {f"f:{key}": {} for key in wish["labels"]}}},
                }
            ],
        },
        "spec": {
            "taints": [
                *copy.deepcopy(wish["taints"]),
                {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
            ]
        },
    }


def test_groups_become_labels_and_taints() -> None:
    assert wished("k1") == {
        "name": "k1",
        "labels": {
            placement.REGION: "sudan",
            placement.ZONE: "khartoum",
            placement.CONTROL_PLANE: "",
            "nilecare.node-restriction.kubernetes.io/address": "10.77.1.11",
        },
        "taints": [{"key": placement.CONTROL_PLANE, "effect": "NoSchedule"}],
    }
    assert wished("k2")["labels"][placement.POOL] == "storage"
    assert wished("k2")["taints"] == [TAINT]


def test_a_control_plane_that_is_a_worker_too_has_no_taint_and_labels_are_text() -> None:
    assert wished("o1")["taints"] == []
    assert wished("o1")["labels"]["rack"] == "7"


def test_a_node_as_wished_needs_nothing() -> None:
    for host in HOSTVARS:
        assert not placement.difference(wished(host), node_like(wished(host))).needed


def test_a_drifted_label_is_mended() -> None:
    node = node_like(wished("k2"))
    node["metadata"]["labels"][placement.ZONE] = "cairo"
    change = placement.difference(wished("k2"), node)
    assert change.labels and change.taints is None
    assert "'cairo' -> 'khartoum'" in change.said[0]


def test_a_label_that_left_the_inventory_leaves_the_node() -> None:
    before = {**wished("k2"), "labels": {**wished("k2")["labels"], "old": "x"}}
    change = placement.difference(wished("k2"), node_like(before))
    assert "label old is taken away" in change.said


def test_kubeadms_taint_is_taken_from_a_worker_and_others_taints_stay() -> None:
    node = node_like(wished("o1"))
    node["spec"]["taints"].append({"key": placement.CONTROL_PLANE, "effect": "NoSchedule"})
    change = placement.difference(wished("o1"), node)
    assert change.taints == [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]


def test_a_taint_that_left_the_inventory_leaves_the_node_and_an_operators_taint_does_not() -> None:
    node = node_like(wished("k2"))
    node["spec"]["taints"].append({"key": "maintenance", "effect": "NoSchedule"})
    change = placement.difference({**wished("k2"), "taints": []}, node)
    assert change.taints is not None
    assert {taint["key"] for taint in change.taints} == {"node.kubernetes.io/not-ready", "maintenance"}


def test_a_changed_taint_value_is_mended() -> None:
    node = node_like(wished("k2"))
    node["spec"]["taints"][0]["value"] = "no"
    change = placement.difference(wished("k2"), node)
    assert change.taints is not None and TAINT in change.taints


def test_a_fresh_node_gets_everything() -> None:
    node = {"metadata": {"name": "k2", "resourceVersion": "1"}, "spec": {}}
    change = placement.difference(wished("k2"), node)
    assert change.labels and change.taints == [TAINT]
    assert placement.taints_body(node, change.taints)["metadata"]["resourceVersion"] == "1"
