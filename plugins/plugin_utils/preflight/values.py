# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values of the wrong type, or outside the choices that a role's argument_specs give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import Inventory
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.variables import Known


def check_values(inventory: Inventory, known: Known) -> Iterator[Finding]:
    """Variables as they are written: what is a template, a vaulted value or secret is left to the roles."""
    seen: set[tuple[str, str]] = set()
    for machine in inventory.machines:
        for name, value in machine.variables.items():
            option = known.options.get(name)
            if option is None or option.get("no_log") or not is_literal(value) or (name, repr(value)) in seen:
                continue
            seen.add((name, repr(value)))
            for message in faults(name, value, option):
                yield machine.finding(name, message, expectation(option))


def faults(name: str, value: object, option: Mapping[str, object]) -> list[str]:
    """What is wrong with a value, as Ansible itself would say it when the role starts."""
    spec = {key: option[key] for key in ("type", "elements", "choices", "options") if key in option}
    result = ArgumentSpecValidator({name: spec}).validate({name: value})
    return [" ".join(str(message).split()) for message in result.error_messages]


def expectation(option: Mapping[str, object]) -> str:
    """Type and choices of an option in words."""
    text = f"type {option.get('type', 'str')}"
    if "elements" in option:
        text += f" of {option['elements']}"
    choices = option.get("choices")
    return (
        f"{text}, one of {', '.join(str(choice) for choice in choices)}"
        if isinstance(choices, list)
        else text
    )


def is_literal(value: object) -> bool:
    """Is a value (with all that is in it) plain data without any template?"""
    if isinstance(value, str):
        return "{{" not in value and "{%" not in value
    if isinstance(value, Mapping):
        return all(is_literal(part) for pair in value.items() for part in pair)
    if isinstance(value, (list, tuple)):
        return all(is_literal(part) for part in value)
    return value is None or isinstance(value, (bool, int, float))
