# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""ApplySets (KEP-3659): labels and annotations by which any tool knows which objects belong together.

A parent object (a Secret, as for ``kubectl apply --applyset=NAME``) bears the set's id, the kinds it holds
and the namespaces; every member bears the id as a label.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from .errors import KubernetesError

ID_LABEL = "applyset.kubernetes.io/id"
MEMBER_LABEL = "applyset.kubernetes.io/part-of"
TOOLING = "applyset.kubernetes.io/tooling"
KINDS = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES = "applyset.kubernetes.io/additional-namespaces"

TOOL = "nilecare-apply"
TOOL_VERSION = "v1"

PROTECTED = ("Namespace", "CustomResourceDefinition", "PersistentVolume", "PersistentVolumeClaim")
"""Kinds that are not pruned unless told: with them goes data that nobody can bring back."""


class ForeignSet(KubernetesError):  # noqa: N818
    """The set, or a member, belongs to another tool or another set."""


def set_id(name: str, namespace: str, kind: str = "Secret", group: str = "") -> str:
    """The id that the specification derives from the parent object.

    >>> set_id("calico", "kube-system")
    'applyset-Yl82glvzuvbJbwP9tRkmtlPrcxKAyrQH5-VAABQyYS0-v1'
    """
    digest = hashlib.sha256(f"{name}.{namespace}.{kind}.{group}".encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-v1"


def parent(name: str, namespace: str, kinds: Iterable[str], namespaces: Iterable[str]) -> dict[str, Any]:
    """The parent object; ``kinds`` as ``Deployment.apps``, ``namespaces``: all that members live in."""
    annotations = {
        TOOLING: f"{TOOL}/{TOOL_VERSION}",
        KINDS: ",".join(sorted(set(kinds))),
        NAMESPACES: ",".join(sorted(set(namespaces) - {namespace})),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {ID_LABEL: set_id(name, namespace)},
            "annotations": annotations,
        },
        "type": "Opaque",
    }


def check_parent(found: dict[str, Any], name: str, namespace: str) -> None:
    """Refuse a parent that is something else, or another tool's (:class:`ForeignSet`)."""
    metadata = found["metadata"]
    where = f"Secret {namespace}/{name}"
    identity = (metadata.get("labels") or {}).get(ID_LABEL)
    if identity != set_id(name, namespace):
        raise ForeignSet(
            f"{where} exists and is not the parent of an ApplySet"
            + (f" of that name (its label {ID_LABEL} is {identity})" if identity else "")
            + "; choose another name for the set. Nothing was changed."
        )
    tooling = (metadata.get("annotations") or {}).get(TOOLING, "")
    if tooling.rpartition("/")[0] != TOOL:
        raise ForeignSet(
            f"the ApplySet of {where} is managed by {tooling or 'an unknown tool'}, not by {TOOL}. "
            "To hand it over: "
            f"kubectl annotate --overwrite secret -n {namespace} {name} {TOOLING}={TOOL}/{TOOL_VERSION}. "
            "Nothing was changed."
        )


def recorded(found: dict[str, Any] | None, namespace: str) -> tuple[set[str], set[str]]:
    """Kinds and namespaces that a parent says its members have; empty without a parent."""
    if found is None:
        return set(), set()
    annotations = found["metadata"].get("annotations") or {}
    kinds = {kind for kind in annotations.get(KINDS, "").split(",") if kind}
    spaces = {space for space in annotations.get(NAMESPACES, "").split(",") if space}
    return kinds, spaces | {namespace}


def member(obj: dict[str, Any], identity: str) -> dict[str, Any]:
    """A copy of ``obj`` that bears the set's label."""
    metadata = dict(obj["metadata"])
    metadata["labels"] = {**(metadata.get("labels") or {}), MEMBER_LABEL: identity}
    return {**obj, "metadata": metadata}
