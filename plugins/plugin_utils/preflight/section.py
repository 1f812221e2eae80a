# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Preflight's section of the report: the faults, or the machines as they were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    SITE_PREFIX,
    Inventory,
)
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.machines import Measured

TITLE = "Preflight"


def section(
    inventory: Inventory, found: Sequence[Finding], measured: Mapping[str, Measured], missing: Sequence[str]
) -> dict[str, Any]:
    """A value of `nilecare_report` (docs/report.md)."""
    if found:
        return {
            "section": TITLE,
            "state": "failed",
            "summary": "Nothing was changed: what stands here has to be put right first.",
            "table": {
                "columns": ["Host", "What", "Found", "Expected", "Where"],
                "rows": [[one.host or "-", one.key, one.message, one.expected, one.file] for one in found],
            },
        }
    well = len(measured) - len(missing)
    left_out = f"; left out, as the inventory allows: {', '.join(missing)}" if missing else ""
    return {
        "section": TITLE,
        "state": "warning" if missing else "ok",
        "summary": f"The inventory, the bundle and {well} machines are as expected{left_out}.",
        "table": {
            "columns": ["Machine", "Site", "System", "Memory", "CPUs", "Kubernetes"],
            "rows": [
                _row(machine.name, machine.sites, measured[machine.name])
                for machine in inventory.machines
                if machine.name in measured
            ],
        },
    }


def _row(name: str, sites: Sequence[str], facts: Measured) -> list[Any]:
    site = ", ".join(site.removeprefix(SITE_PREFIX) for site in sites)
    if not facts.get("reachable"):
        return [name, site, {"text": "unreachable", "state": "warning"}, "", "", ""]
    member = facts["membership"]
    return [
        name,
        site,
        f"{facts['distribution']} {facts['version']} {facts['architecture']}",
        f"{facts['memory'] / 1024:.1f} GiB",
        str(facts["cpus"]),
        member["api_server"] or member["kubelet"] or "-",
    ]
