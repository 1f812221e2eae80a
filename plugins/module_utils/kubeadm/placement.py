# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Labels and taints of nodes: what the inventory wishes, and how a Node differs from it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .approver import ADDRESS_LABEL, address_label

MANAGER = "nilecare-node-labels"
ANNOTATION = "nilecare.sd/taints"
ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"
POOL = "nilecare.sd/pool"
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"

Json = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What a Node needs. ``labels``: whether labels must be applied; ``taints``: the new list, or None."""

    name: str
    labels: bool
    taints: list[Json] | None
    said: tuple[str, ...]

    @property
    def needed(self) -> bool:
        return self.labels or self.taints is not None


def node_placements(
    hosts: Iterable[str],
    groups: Mapping[str, Sequence[str]],
    hostvars: Mapping[str, Any],
    region: str,
) -> list[Json]:
    """Name, labels and taints of each host, from its groups, its address and its variables.

    Group ``site_x`` makes the zone x, ``pool_y`` the pool y. Host variables: node_labels_extra
    (dict), node_labels_taints (list of key, value, effect).
    """
    found = []
    for host in hosts:
        mine = sorted(group for group, members in groups.items() if host in members)
        variables = hostvars[host]
        labels = {REGION: region, ADDRESS_LABEL: address_label(str(variables["ansible_host"]))}
        for prefix, label in (("site_", ZONE), ("pool_", POOL)):
            labels |= {label: group[len(prefix) :] for group in mine if group.startswith(prefix)}  # noqa: B035
        taints = [dict(taint) for taint in variables.get("node_labels_taints", [])]
        if "control_plane" in mine:
            labels[CONTROL_PLANE] = ""
            if "workers" not in mine:
                taints.append({"key": CONTROL_PLANE, "effect": "NoSchedule"})
        labels |= {key: str(value) for key, value in variables.get("node_labels_extra", {}).items()}
        found.append({"name": host, "labels": labels, "taints": taints})
    return found


def _key(taint: Mapping[str, Any]) -> str:
    return f"{taint['key']}:{taint['effect']}"


def _applied_labels(node: Mapping[str, Any]) -> set[str]:
    """The labels that our field manager holds on the Node."""
    found: set[str] = set()
    for entry in node["metadata"].get("managedFields", []):
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply":
            labels = entry.get("fieldsV1", {}).get("f:metadata", {}).get("f:labels", {})
            found |= {field[2:] for field in labels if field.startswith("f:")}
    return found


def difference(wished: Mapping[str, Any], node: Mapping[str, Any]) -> Change:
    """How ``node`` differs from ``wished``. Labels and taints that are not ours are left alone.

    Ours are the labels of our field manager, and the taints that we have written before (the
    annotation names them) and kubeadm's taint of control planes.
    """
    name = wished["name"]
    meta = node["metadata"]
    there = meta.get("labels", {})
    said = [
        f"label {key}: {there.get(key, '(none)')!r} -> {value!r}"
        for key, value in sorted(wished["labels"].items())
        if there.get(key) != value
    ]
    applied = _applied_labels(node)
    said += [f"label {key} is taken away" for key in sorted(applied - set(wished["labels"]))]
    wanted = {_key(taint): dict(taint) for taint in wished["taints"]}
    annotation = meta.get("annotations", {}).get(ANNOTATION, "[]")
    try:
        before = set(json.loads(annotation))
    except (ValueError, TypeError):
        before = set()
    present = node.get("spec", {}).get("taints", [])
    ours = before | set(wanted) | {f"{CONTROL_PLANE}:NoSchedule"}
    kept = [taint for taint in present if _key(taint) not in ours]
    mine = {_key(taint): taint for taint in present if _key(taint) in ours}
    taints = None
    if {key: taint.get("value") for key, taint in mine.items()} != {
        key: taint.get("value") for key, taint in wanted.items()
    }:
        taints = kept + [wanted[key] for key in sorted(wanted)]
        said.append(f"taints: {sorted(mine)} -> {sorted(wanted)}")
    # Labels that are right and not ours yet are taken over, so that they can be taken away one day.
    labels = bool(said) or applied != set(wished["labels"]) or before != set(wanted)
    if labels and not said:
        said.append("labels are taken over")
    return Change(name, labels, taints, tuple(said))


def apply_body(wished: Mapping[str, Any]) -> Json:
    """The server-side apply of the labels, and of the annotation that remembers the taints."""
    keys = sorted(_key(taint) for taint in wished["taints"])
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": wished["name"],
            "labels": dict(wished["labels"]),
            "annotations": {ANNOTATION: json.dumps(keys)},
        },
    }


def taints_body(node: Mapping[str, Any], taints: Sequence[Mapping[str, Any]]) -> Json:
    """A merge patch that fails where somebody else has changed the Node meanwhile."""
    return {
        "metadata": {"resourceVersion": node["metadata"]["resourceVersion"]},
        "spec": {"taints": [dict(taint) for taint in taints]},
    }
