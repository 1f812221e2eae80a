# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a change looks like to people: YAML before and after, without noise and without secrets."""

from __future__ import annotations

from typing import Any

try:
    import yaml

    _Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
except ImportError:  # reported by the module through missing_required_lib
    yaml = None  # type: ignore[assignment]

MASK, CHANGED_MASK = "********", "******** (changed)"

_NOISE = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def difference(title: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, str]:
    """An entry of Ansible's ``diff``; None stands for an object that is not there."""
    before, after = masked(before, after)
    return {
        "before": text(before),
        "after": text(after),
        "before_header": title if before is not None else f"{title} (absent)",
        "after_header": title if after is not None else f"{title} (absent)",
    }


def masked(
    before: dict[str, Any] | None, after: dict[str, Any] | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Hide the values of Secrets, yet let a changed value differ."""
    old = _secret_data(before)
    hidden_after = _hide(
        after, lambda key, value: MASK if before is None or old.get(key) == value else CHANGED_MASK
    )
    return _hide(before, lambda _key, _value: MASK), hidden_after


def _secret_data(obj: dict[str, Any] | None) -> dict[str, Any]:
    return (obj.get("data") or {}) if obj and obj.get("kind") == "Secret" else {}


def _hide(obj: dict[str, Any] | None, mask: Any) -> dict[str, Any] | None:
    if not obj or obj.get("kind") != "Secret":
        return obj
    hidden = dict(obj)
    for section in ("data", "stringData"):
        if isinstance(hidden.get(section), dict):
            hidden[section] = {key: mask(key, value) for key, value in hidden[section].items()}
    return hidden


def content(obj: dict[str, Any]) -> dict[str, Any]:
    """An object without status and the server's bookkeeping: equal contents mean that nothing changed."""
    kept = {key: value for key, value in obj.items() if key != "status"}
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key not in _NOISE}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != _LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    else:
        metadata.pop("annotations", None)
    kept["metadata"] = metadata
    return kept


def text(obj: dict[str, Any] | None) -> str:
    """YAML of an object's content; empty for None."""
    if obj is None:
        return ""
    return str(yaml.dump(content(obj), Dumper=_Dumper, default_flow_style=False, sort_keys=True, width=1000))
