# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From Ansible's variables to the model that the checks work on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    RESERVE,
    Inventory,
    Machine,
)

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # it is not part of Ansible's public interface: without it findings name no file
    Origin = None

GROUPS = ("machines", "cluster", "control_plane", "workers", "mirror", "sites", RESERVE)
"""Hosts of these groups are machines, even when the groups are not nested as they should be."""

TEMPLATED = ("ansible_host", "site_network", "bmc_address")
"""Variables whose values the checks read; of all others only the names matter, and secrets stay closed."""


def read_inventory(groups: Mapping[str, Sequence[str]], hostvars: Any) -> Inventory:
    """The inventory of Ansible's `groups` and `hostvars` (ansible.vars.hostvars.HostVars)."""
    names = dict.fromkeys(name for group in GROUPS for name in groups.get(group, ()))
    of_host: dict[str, set[str]] = {name: set() for name in names}
    for group, members in groups.items():
        for name in members:
            if name in of_host:
                of_host[name].add(group)
    machines = [_machine(name, frozenset(of_host[name]), hostvars) for name in names]
    return Inventory(machines, {group: list(members) for group, members in groups.items()})


def _machine(name: str, groups: frozenset[str], hostvars: Any) -> Machine:
    raw: Mapping[str, object] = hostvars.raw_get(name)
    variables = dict(raw)
    for key in TEMPLATED:
        if key in raw:
            try:
                variables[key] = hostvars[name][key]
            except AnsibleError:
                variables[key] = raw[key]  # what could not be templated is shown as it is written
    return Machine(name, groups, variables, {key: origin(value) for key, value in raw.items()})


def origin(value: object) -> str:
    """ "path:line" where a value is written, relative to the working directory; "" when it is not known."""
    tag = Origin.get_tag(value) if Origin is not None else None
    if tag is None or not tag.path:
        return ""
    path = os.path.relpath(tag.path)
    place = tag.path if path.startswith("..") else path
    return f"{place}:{tag.line_num}" if tag.line_num else place
