# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What one field manager owns of an object: the object as that manager last applied it."""

from __future__ import annotations

import json
from typing import Any

from ..kubernetes.fields import owned_fields


def applied_by(live: dict[str, Any], manager: str) -> dict[str, Any] | None:
    """The part of ``live`` that ``manager`` applied, fit to be applied again; None when it applied nothing.

    This is what brings an object back to an earlier state: applying all of ``live`` would take over the
    fields of every controller.
    """
    fields = owned_fields(live, manager, live.get("apiVersion", ""))
    if fields is None:
        return None
    metadata = live["metadata"]
    part = _part(live, fields)
    identity = {key: metadata[key] for key in ("name", "namespace") if metadata.get(key)}
    return {
        **part,
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {**part.get("metadata", {}), **identity},
    }


def _part(value: Any, fields: dict[str, Any]) -> Any:
    children = {key: entry for key, entry in fields.items() if key != "."}
    if not children:
        return value
    if isinstance(value, dict):
        names = {key[2:]: entry for key, entry in children.items() if key.startswith("f:")}
        return {key: _part(entry, names[key]) for key, entry in value.items() if key in names}
    if isinstance(value, list):
        return [part for item in value for part in _item(item, children)]
    return value


def _item(item: Any, children: dict[str, Any]) -> list[Any]:
    for path, fields in children.items():
        kind, _colon, text = path.partition(":")
        key = json.loads(text)
        if kind == "v" and key == item:
            return [item]
        if (
            kind == "k"
            and isinstance(item, dict)
            and all(item.get(name) == value for name, value in key.items())
        ):
            return [{**key, **_part(item, fields)}]
    return []
