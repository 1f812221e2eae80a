# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables that no role knows: a mistyped name is silently without effect unless somebody looks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    Inventory,
)

SHARED_PREFIXES = ("cluster_", "kubernetes_", "api_endpoint_", "api_server_")
"""Starts of names of role platform; the others start with the name of a role."""

PER_HOST = frozenset({"cluster_zone", "mirror_host", "mirror_address"})
"""Variables of role platform that may differ between hosts."""

LIKENESS = 0.9
"""How like a known name an unknown one without a known prefix must be to be called mistyped (0 to 1)."""


@dataclass(frozen=True)
class Known:
    """What the collection's roles read."""

    names: frozenset[str]
    prefixes: tuple[str, ...]
    """Starts of names that belong to the collection: a role's name and "_"."""
    shared: frozenset[str]
    """Variables of role platform: the same for all hosts."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Each name's option in argument_specs."""


def read_known(roles: Path) -> Known:
    """All options in meta/argument_specs.yml of the roles below a directory."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    names: dict[str, set[str]] = {}
    options: dict[str, Mapping[str, Any]] = {}
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        content: Mapping[str, Mapping[str, object]] = (
            yaml.load(path.read_text(encoding="utf-8"), Loader=loader) or {}
        )
        found = names.setdefault(path.parent.parent.name, set())
        for entry in (content.get("argument_specs") or {}).values():
            if isinstance(entry, Mapping):
                found.update(entry.get("options") or {})
                options.update(entry.get("options") or {})
    shared = frozenset(names.get("platform", set())) - PER_HOST
    return Known(
        names=frozenset().union(*names.values()),
        prefixes=(*(f"{role}_" for role in names), *SHARED_PREFIXES),
        shared=shared,
        options=options,
    )


def check_unknown(inventory: Inventory, known: Known) -> Iterator[Finding]:
    """One finding for each name that starts like one of ours, or is almost one of ours, and is none."""
    holders: dict[str, list[str]] = defaultdict(list)
    origins: dict[str, str] = {}
    for machine in inventory.machines:
        for name in machine.variables:
            if name not in known.names and not name.startswith(("ansible_", "_")):
                holders[name].append(machine.name)
                origins.setdefault(name, machine.origins.get(name, ""))
    for name, hosts in sorted(holders.items()):
        ours = name.startswith(known.prefixes)
        close = get_close_matches(name, known.names, n=1, cutoff=0.6 if ours else LIKENESS)
        if not ours and not close:
            continue
        expected = f"{close[0]}, perhaps" if close else "a variable of a role's meta/argument_specs.yml"
        host = hosts[0] if len(hosts) == 1 else ""
        yield Finding(host, name, "no role knows this variable", expected, origins[name])


def check_shared(inventory: Inventory, known: Known, absent: Collection[str] = ()) -> Iterator[Finding]:
    """A variable of the whole cluster has one value: set in group_vars/all, not for some hosts only."""
    for name in sorted(known.shared):
        values: dict[str, list[str]] = defaultdict(list)
        for machine in inventory.machines:
            if machine.name not in absent:
                values[str(machine.variables.get(name, "the default"))].append(machine.name)
        if len(values) > 1:
            listed = ", ".join(f"{value} on {hosts[0]}" for value, hosts in list(values.items())[:3])
            yield inventory.finding(name, f"differs between hosts ({listed})", "one value, in group_vars/all")
