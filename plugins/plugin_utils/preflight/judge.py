# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All checks together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight import (
    backup,
    groups,
    machines,
    membership,
    names,
    networks,
    topology,
    values,
    variables,
)
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    Inventory,
    Settings,
)


def judge_inventory(inventory: Inventory, settings: Settings, known: variables.Known) -> list[Finding]:
    """Everything that is wrong with an inventory, found without a look at any machine."""
    return [
        *groups.check_groups(inventory, settings),
        *topology.check_control_planes(inventory),
        *topology.check_sites(inventory),
        *names.check_names(inventory),
        *names.check_same_address(inventory),
        *names.check_reserve(inventory),
        *networks.check_networks(inventory, settings),
        *variables.check_unknown(inventory, known),
        *variables.check_shared(inventory, known),
        *values.check_values(inventory, known),
        *backup.check_backup(inventory, settings.backup),
    ]


def judge_machines(
    inventory: Inventory, settings: Settings, measured: Mapping[str, machines.Measured]
) -> list[Finding]:
    """Everything that is wrong with the machines that were measured (inventory name → facts)."""
    return [
        *machines.check_machines(inventory, settings, measured),
        *membership.check_membership(inventory, settings, measured),
        *membership.check_versions(inventory, settings, measured),
    ]


def judge(
    inventory: Inventory,
    settings: Settings,
    known: variables.Known,
    measured: Mapping[str, machines.Measured],
    others: Sequence[Finding] = (),
) -> list[Finding]:
    """Every finding, sorted, each once. others = findings of checks made elsewhere (the bundle)."""
    found = judge_inventory(inventory, settings, known) + judge_machines(inventory, settings, measured)
    return sorted({*found, *others})
