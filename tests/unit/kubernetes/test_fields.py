"""Ownership and values: "certainly unchanged" must never hide a change."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.fields import (
    certainly_unchanged,
)
from hypothesis import given
from hypothesis import strategies as st

MANAGER = "nilecare"


def fields_of(value: Any) -> dict[str, Any]:
    """``fieldsV1`` of what an applier sends: lists of named mappings are by key, other lists as a whole."""
    if isinstance(value, dict) and value:
        return {f"f:{key}": fields_of(item) for key, item in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {"k:" + json.dumps({"name": item["name"]}): {".": {}, **fields_of(item)} for item in value}
    return {}


def live_of(desired: dict[str, Any], fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """The object as the server would hold it, with defaults and bookkeeping that are not ours."""
    live = copy.deepcopy(desired)
    live.setdefault("spec", {})["defaulted"] = "by the server"
    live["status"] = {"phase": "Active"}
    live["metadata"]["uid"] = "1"
    owned = fields_of({"spec": desired["spec"]}) if fields is None else fields
    live["metadata"]["managedFields"] = [
        {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:status": {}}},
        {"manager": MANAGER, "operation": "Apply", "apiVersion": desired["apiVersion"], "fieldsV1": owned},
    ]
    return live


def wanted(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x", "namespace": "y"}, "spec": spec}


scalars = st.one_of(st.text(max_size=5), st.integers(), st.booleans())
keys = st.text("abcdef", min_size=1, max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(keys, inner, max_size=3),
        st.lists(st.tuples(keys, inner), max_size=3, unique_by=lambda pair: pair[0]).map(
            lambda pairs: [{"name": name, "value": value} for name, value in pairs]
        ),
    ),
    max_leaves=8,
)
specs = st.dictionaries(keys, values, min_size=1, max_size=4)


@given(specs)
def test_what_was_applied_is_unchanged(spec: dict[str, Any]) -> None:
    desired = wanted(**spec)
    assert certainly_unchanged(desired, live_of(desired), MANAGER)


@given(specs, specs)
def test_another_wish_is_never_certain(before: dict[str, Any], after: dict[str, Any]) -> None:
    live = live_of(wanted(**before))
    assert certainly_unchanged(wanted(**after), live, MANAGER) == (strict(before) == strict(after))


def strict(value: Any) -> str:
    """Equality that tells 1 from true."""
    return json.dumps(value, sort_keys=True)


@given(specs, st.data())
def test_a_field_that_left_our_ownership_is_drift(spec: dict[str, Any], data: st.DataObject) -> None:
    live = live_of(wanted(**spec))
    owned = live["metadata"]["managedFields"][1]["fieldsV1"]["f:spec"]
    del owned[data.draw(st.sampled_from(sorted(owned)))]
    assert not certainly_unchanged(wanted(**spec), live, MANAGER)


def test_a_value_that_differs_is_drift() -> None:
    desired = wanted(replicas=2)
    live = live_of(desired)
    live["spec"]["replicas"] = 3
    assert not certainly_unchanged(desired, live, MANAGER)


@pytest.mark.parametrize(
    "entry",
    [
        {"manager": "somebody", "operation": "Apply", "apiVersion": "v1"},
        {"manager": MANAGER, "operation": "Update", "apiVersion": "v1"},
        {"manager": MANAGER, "operation": "Apply", "apiVersion": "v2"},
        {"manager": MANAGER, "operation": "Apply", "apiVersion": "v1", "subresource": "status"},
    ],
)
def test_only_our_own_apply_counts(entry: dict[str, Any]) -> None:
    desired = wanted(replicas=2)
    live = live_of(desired)
    live["metadata"]["managedFields"] = [{**entry, "fieldsV1": fields_of({"spec": desired["spec"]})}]
    assert not certainly_unchanged(desired, live, MANAGER)


def test_keys_that_the_server_defaults() -> None:
    desired = wanted(ports=[{"port": 80}, {"port": 53, "protocol": "UDP"}])
    owned: dict[str, Any] = {
        "f:spec": {
            "f:ports": {
                'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}},
                'k:{"port":53,"protocol":"UDP"}': {".": {}, "f:port": {}, "f:protocol": {}},
            }
        }
    }
    live = live_of(desired, owned)
    live["spec"]["ports"][0]["protocol"] = "TCP"
    assert certainly_unchanged(desired, live, MANAGER)
    live["spec"]["ports"].reverse()
    assert not certainly_unchanged(desired, live, MANAGER)


def test_sets() -> None:
    desired = wanted(finalizers=["a", "b"])
    live = live_of(desired, {"f:spec": {"f:finalizers": {'v:"a"': {}, 'v:"b"': {}}}})
    live["spec"]["finalizers"].append("another's")
    assert certainly_unchanged(desired, live, MANAGER)
    assert not certainly_unchanged(wanted(finalizers=["a"]), live, MANAGER)


def test_defaults_in_lists_that_are_owned_as_a_whole() -> None:
    desired = wanted(ingress=[{"ports": [{"port": 80}]}])
    live = live_of(desired)
    live["spec"]["ingress"][0]["ports"][0]["protocol"] = "TCP"
    assert certainly_unchanged(desired, live, MANAGER)
    live["spec"]["ingress"][0]["ports"][0]["protocol"] = "UDP"
    assert not certainly_unchanged(desired, live, MANAGER)


def test_another_notation_of_a_quantity_is_not_certain() -> None:
    live = live_of(wanted(cpu="1"))
    assert not certainly_unchanged(wanted(cpu="1000m"), live, MANAGER)


def test_labels_count_and_names_do_not() -> None:
    desired = wanted(a=1)
    desired["metadata"]["labels"] = {"app": "x"}
    owned = {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {"f:a": {}}}
    live = live_of(desired, owned)
    live["metadata"]["labels"]["more"] = "by others"
    assert certainly_unchanged(desired, live, MANAGER)
    desired["metadata"]["labels"]["new"] = "y"
    assert not certainly_unchanged(desired, live, MANAGER)
