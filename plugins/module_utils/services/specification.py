# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Variables of inventory hosts against the options of an argument_specs.yml."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from .model import Finding

_TRUE, _FALSE = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError


def _int(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and value != int(value)):
        raise ValueError
    return int(value)


def _str(value: Any) -> str:
    if isinstance(value, (dict, list, tuple)) or value is None:
        raise ValueError
    return str(value)


def _list(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    raise ValueError


def _dict(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise ValueError


_CONVERT: dict[str, tuple[Callable[[Any], Any], str]] = {
    "str": (_str, "a text"),
    "path": (_str, "a path"),
    "int": (_int, "a whole number"),
    "float": (float, "a number"),
    "bool": (_bool, "true or false"),
    "list": (_list, "a list"),
    "dict": (_dict, "a mapping"),
}


def convert(host: str, key: str, value: Any, option: Mapping[str, Any], findings: list[Finding]) -> Any:
    """Bring one value to the type of its option, and report what does not fit.

    :param host: inventory host, for the report.
    :param key: variable, for the report.
    :param option: entry of an argument_specs.yml.
    :param findings: errors are appended here.
    :returns: the converted value, or None after an error.
    """
    kind = option.get("type", "str")
    function, expected = _CONVERT[kind]
    try:
        result = function(value)
    except (ValueError, TypeError):
        findings.append(Finding(host, key, f"is {value!r}, expected {expected}"))
        return None
    choices = option.get("choices")
    if choices and kind != "list" and result not in choices:
        findings.append(Finding(host, key, f"is {result!r}, expected one of {', '.join(map(str, choices))}"))
        return None
    if kind == "list":
        element = {
            "type": option.get("elements", "str"),
            "options": option.get("options"),
            "choices": choices,
        }
        before = len(findings)
        result = [convert(host, f"{key}[{i}]", entry, element, findings) for i, entry in enumerate(result)]
        return result if len(findings) == before else None
    if kind == "dict" and option.get("options"):
        return _convert_options(host, key, result, option["options"], findings)
    return result


def _convert_options(
    host: str, key: str, values: dict[str, Any], options: Mapping[str, Any], findings: list[Finding]
) -> dict[str, Any] | None:
    before = len(findings)
    converted = {}
    for name, value in values.items():
        if name in options:
            converted[name] = convert(host, f"{key}.{name}", value, options[name], findings)
        else:
            findings.append(Finding(host, f"{key}.{name}", unknown(name, options)))
    for name, option in options.items():
        if option.get("required") and name not in values:
            findings.append(Finding(host, f"{key}.{name}", "is missing"))
    return converted if len(findings) == before else None


def unknown(name: str, known: Mapping[str, Any] | list[str]) -> str:
    """Say that a name is unknown, and which one may have been meant."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return "is unknown" + (f", did you mean {near[0]}?" if near else "")
