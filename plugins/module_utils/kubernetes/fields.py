# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Field ownership: does the cluster already hold what we want, and do we own exactly that?

Server-side apply writes into ``metadata.managedFields`` which fields each manager applied. Two facts
together show, without a request for the object, that applying again would change nothing:

- the set of fields that we own equals the set of fields that we would send. A field that we no longer
  send is still in the owned set (so it must be removed); one that somebody else changed has left it;
- the values are equal.

Where equality cannot be proved from here (a quantity in another notation, defaults inside a list that is
replaced as a whole), the answer is "not certain" and the caller asks the server. A wrong "certain" would
hide a change; a wrong "not certain" costs one request.
"""

from __future__ import annotations

import json
from typing import Any

_DEFAULTS = {("ports", "protocol"): "TCP", ("fieldRef", "apiVersion"): "v1", ("rules", "scope"): "*"}
"""By the structure's key and the field: what the server writes into structures that are owned as a whole.

Safe to take for unchanged: left out, the field gets the same value again."""


def certainly_unchanged(desired: dict[str, Any], live: dict[str, Any], manager: str) -> bool:
    """Whether applying ``desired`` as ``manager`` is known to change nothing in ``live``."""
    owned = owned_fields(live, manager, desired.get("apiVersion", ""))
    if owned is None:
        return False
    wanted = {key: value for key, value in desired.items() if key not in ("apiVersion", "kind")}
    metadata = {k: v for k, v in wanted.get("metadata", {}).items() if k not in ("name", "namespace")}
    if metadata:
        wanted["metadata"] = metadata
    else:
        wanted.pop("metadata", None)
    return _same(wanted, owned, live, "")


def owned_fields(live: dict[str, Any], manager: str, api_version: str) -> dict[str, Any] | None:
    """``fieldsV1`` of what ``manager`` applied, or None (never applied, or in another API version)."""
    for entry in live.get("metadata", {}).get("managedFields") or []:
        if (
            entry.get("manager") == manager
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        ):
            if entry.get("apiVersion") != api_version:
                return None
            fields = entry.get("fieldsV1")
            return fields if isinstance(fields, dict) else None
    return None


def _same(wanted: Any, owned: dict[str, Any], live: Any, within: str) -> bool:
    children = {key: value for key, value in owned.items() if key != "."}
    if not children:
        return _equal_atom(wanted, live, within)
    if isinstance(wanted, dict) and isinstance(live, dict):
        return _same_map(wanted, children, live)
    if isinstance(wanted, list) and isinstance(live, list):
        return _same_list(wanted, children, live, within)
    return False


def _same_map(wanted: dict[str, Any], owned: dict[str, Any], live: dict[str, Any]) -> bool:
    if len(wanted) != len(owned):
        return False
    for key, value in wanted.items():
        fields = owned.get(f"f:{key}")
        if fields is None or key not in live or not _same(value, fields, live[key], key):
            return False
    return True


def _same_list(wanted: list[Any], owned: dict[str, Any], live: list[Any], within: str) -> bool:
    if len(wanted) != len(owned):
        return False
    positions: dict[int, int] = {}
    for path, fields in owned.items():
        kind, _colon, text = path.partition(":")
        key = json.loads(text)
        if kind == "v":
            ours, theirs = _only(wanted, key), _only(live, key)
        elif kind == "k":
            ours, theirs = _with_keys(wanted, key, partly=True), _with_keys(live, key)
        else:
            return False
        if ours is None or theirs is None or ours in positions:
            return False
        if kind == "k" and not _same(wanted[ours], fields, live[theirs], within):
            return False
        positions[ours] = theirs
    # The order of containers, variables and the like has a meaning.
    ordered = [positions[position] for position in sorted(positions)]
    return ordered == sorted(ordered)


def _only(items: list[Any], value: Any) -> int | None:
    found = [position for position, item in enumerate(items) if item == value and type(item) is type(value)]
    return found[0] if len(found) == 1 else None


def _with_keys(items: list[Any], keys: dict[str, Any], partly: bool = False) -> int | None:
    """Position of the one item that bears ``keys``; ``partly``: it may leave out keys that have a default."""
    exact, loose = [], []
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            return None
        if all(item.get(key) == value for key, value in keys.items()):
            exact.append(position)
        elif partly and all(item.get(key, value) == value for key, value in keys.items()):
            loose.append(position)
    found = exact or loose
    return found[0] if len(found) == 1 else None


def _equal_atom(wanted: Any, live: Any, within: str) -> bool:
    """Equality of what is owned as a whole; defaults that we know may stand in ``live`` besides."""
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            return False
        if any(key not in live or not _equal_atom(value, live[key], key) for key, value in wanted.items()):
            return False
        return all(key in wanted or _DEFAULTS.get((within, key)) == value for key, value in live.items())
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(wanted) == len(live)
            and all(_equal_atom(ours, theirs, within) for ours, theirs in zip(wanted, live))  # noqa: B905
        )
    if isinstance(wanted, bool) or isinstance(live, bool):
        return wanted is live
    if isinstance(wanted, (int, float)) and isinstance(live, (int, float)):
        return wanted == live
    return type(wanted) is type(live) and bool(wanted == live)
