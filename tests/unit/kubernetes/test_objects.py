"""Reading, checking and ordering objects; ApplySet identity; masking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes import (
    applyset,
    discovery,
    display,
    objects,
)
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import ApiError
from hypothesis import given
from hypothesis import strategies as st


def thing(kind: str, name: str = "x", api_version: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **more}


def test_files_with_documents_and_lists(tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    listed = {"apiVersion": "v1", "kind": "List", "items": [thing("Secret"), thing("Service")]}
    file.write_text("---\n" + yaml.safe_dump_all([thing("ConfigMap"), None, listed]))
    assert [obj["kind"] for obj in objects.read(file)] == ["ConfigMap", "Secret", "Service"]
    with pytest.raises(objects.InvalidObjects, match="cannot be read"):
        objects.read(tmp_path / "absent")


def test_phases_keep_dependencies() -> None:
    kinds = [
        "ValidatingWebhookConfiguration",
        "Deployment",
        "IPAddressPool",
        "Ingress",
        "RoleBinding",
        "Role",
        "ConfigMap",
        "CustomResourceDefinition",
        "Namespace",
    ]
    ordered = [sorted(obj["kind"] for obj in group) for group in objects.phases(map(thing, kinds))]
    assert ordered == [
        ["Namespace"],
        ["CustomResourceDefinition"],
        ["ConfigMap", "Role"],
        ["RoleBinding"],
        ["Deployment", "IPAddressPool"],
        ["Ingress"],
        ["ValidatingWebhookConfiguration"],
    ]


@given(st.lists(st.sampled_from(["Namespace", "Secret", "Deployment", "Foo"])))
def test_phases_lose_nothing(kinds: list[str]) -> None:
    given_objects = [thing(kind, str(number)) for number, kind in enumerate(kinds)]
    flat = [obj for group in objects.phases(given_objects) for obj in group]
    assert sorted(map(str, flat)) == sorted(map(str, given_objects))


def test_cleaning_drops_what_the_server_writes_and_encodes_string_data() -> None:
    dirty = thing("Secret", stringData={"a": "b", "n": 5}, data={"c": "ZA=="}, status={})
    dirty["metadata"].update(creationTimestamp=None, uid="1", resourceVersion="2", labels={"l": "m"})
    clean = objects.cleaned(dirty)
    assert clean["data"] == {"a": "Yg==", "c": "ZA==", "n": "NQ=="}
    assert clean["metadata"] == {"name": "x", "labels": {"l": "m"}}
    assert "stringData" not in clean and "status" not in clean and "status" in dirty


def test_an_id_never_changes() -> None:
    """With another id every set would lose its members. That kubectl has the same: tests/module."""
    assert (
        applyset.set_id("calico", "kube-system") == "applyset-Yl82glvzuvbJbwP9tRkmtlPrcxKAyrQH5-VAABQyYS0-v1"
    )


def test_parent_and_its_record() -> None:
    parent = applyset.parent("edge", "edge", {"Deployment.apps", "ConfigMap"}, {"edge", "other"})
    assert parent["metadata"]["annotations"][applyset.KINDS] == "ConfigMap,Deployment.apps"
    assert applyset.recorded(parent, "edge") == ({"ConfigMap", "Deployment.apps"}, {"edge", "other"})
    applyset.check_parent(parent, "edge", "edge")
    with pytest.raises(applyset.ForeignSet, match="is not the parent"):
        applyset.check_parent(thing("Secret", "edge"), "edge", "edge")


def secret(**data: str) -> dict[str, Any]:
    return thing("Secret", data=data)


def test_masking_tells_that_a_value_changed_and_not_which() -> None:
    shown = display.difference(
        "Secret x", secret(a="b2xk", same="c2FtZQ=="), secret(a="bmV3", same="c2FtZQ==", n="Yg==")
    )
    assert yaml.safe_load(shown["before"])["data"] == {"a": display.MASK, "same": display.MASK}
    assert yaml.safe_load(shown["after"])["data"] == {
        "a": display.CHANGED_MASK,
        "n": display.CHANGED_MASK,
        "same": display.MASK,
    }
    assert all(word not in str(shown) for word in ("b2xk", "bmV3", "c2FtZQ=="))


def test_a_new_and_a_pruned_object() -> None:
    assert display.difference("x", None, thing("ConfigMap"))["before"] == ""
    gone = display.difference("x", secret(a="b2xk"), None)
    assert gone["after"] == "" and "b2xk" not in gone["before"] and gone["after_header"] == "x (absent)"


def test_bookkeeping_is_no_content() -> None:
    noisy = thing("ConfigMap", data={"a": "b"}, status={"x": 1})
    noisy["metadata"].update(resourceVersion="7", managedFields=[{}], generation=3)
    noisy["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    assert display.content(noisy) == thing("ConfigMap", data={"a": "b"})


def test_discovery_prefers_the_first_version() -> None:
    def version(name: str) -> dict[str, Any]:
        entry = {"resource": "ingresses", "responseKind": {"kind": "Ingress"}, "scope": "Namespaced"}
        return {"version": name, "resources": [entry]}

    group = {"metadata": {"name": "networking.k8s.io"}, "versions": [version("v1"), version("v1beta1")]}
    known = discovery.Discovery(discovery.parse([{"items": [group]}]))
    found = known.find_group_kind("Ingress.networking.k8s.io")
    assert found is not None and found.api_version == "networking.k8s.io/v1"
    assert (
        found.path("edge", "web", "status")
        == "/apis/networking.k8s.io/v1/namespaces/edge/ingresses/web/status"
    )
    with pytest.raises(
        Exception, match=r"it serves Ingress in networking\.k8s\.io/v1, networking\.k8s\.io/v1beta1"
    ):
        known.resource("extensions/v1beta1", "Ingress")


def test_messages_are_cut_to_what_is_readable() -> None:
    value = 'v1.LabelSelector{MatchLabels:map[string]string{"app":"two"}}'
    dump = f"spec.selector: Invalid value: {value}: field is immutable"
    assert str(ApiError(422, "Invalid", dump)) == "spec.selector: invalid value: field is immutable"
    assert ApiError(422, "Invalid", dump).immutable
    short = 'metadata.name: Invalid value: "A": must be lower case'
    assert str(ApiError(422, "Invalid", short)) == short


def test_a_lone_equals_sign_is_a_text() -> None:
    (obj,) = objects.parse(
        "apiVersion: v1\nkind: X\nmetadata: {name: x}\nspec:\n  enum:\n  - '!='\n  - =\n", "f"
    )
    assert obj["spec"]["enum"] == ["!=", "="]
