# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""May backups go where the inventory sends them, and is everything there that they need?

Patient data stay in the country. A target abroad is written down for the day on which the ministry allows it,
and is refused until the inventory says who did, and whose key the backups are encrypted to.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.backup.sealing import RECIPIENT
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import Backup, Inventory

TARGETS, RECIPIENTS = "backup_targets", "backup_recipients"
HOME = "SD"
"""The country that patient data stay in (ISO 3166-1)."""
NEEDED = ("name", "country", "endpoint", "bucket", "access_key", "secret_key")
APPROVAL = "residency_approval"
SET = "backup"


def check_backup(inventory: Inventory, backup: Backup) -> Iterator[Finding]:
    """All faults of targets and recipients. No finding shows a key."""
    targets = backup.targets
    if not all(isinstance(entry, Mapping) for entry in targets):
        yield inventory.finding(TARGETS, "it is no list of mappings", "an entry for each target")
        return
    for name, count in Counter(str(entry.get("name")) for entry in targets).items():
        if count > 1:
            yield inventory.finding(
                TARGETS, f"{count} targets are called {name}", "a name of its own for each"
            )
    enabled = [entry for entry in targets if entry.get("enabled", True)]
    for entry in enabled:
        yield from _target(inventory, entry, backup)
    for key in backup.recipients:
        if not RECIPIENT.fullmatch(str(key)):
            yield inventory.finding(
                RECIPIENTS, f"{str(key)[:12]}… is no public key of age", "age1…, as age-keygen prints it"
            )
    if enabled and SET not in backup.bundle_sets:
        yield inventory.finding(
            "bundle_sets", "backups need programs that the bundle does not have", f"{SET} among bundle_sets"
        )


def _target(inventory: Inventory, entry: Mapping[str, Any], backup: Backup) -> Iterator[Finding]:
    name = str(entry.get("name") or "a target without a name")
    for key in NEEDED:
        if not entry.get(key):
            yield _finding(inventory, key, f"{name} has none", _expected(key))
    endpoint = str(entry.get("endpoint") or "")
    if endpoint and not re.fullmatch(r"https://[^/@\s]+(/\S*)?", endpoint):
        yield _finding(inventory, "endpoint", f"{name} has {endpoint}", _expected("endpoint"))
    country = str(entry.get("country") or "")
    if country and country != HOME:
        if not str(entry.get(APPROVAL) or "").strip():
            yield _finding(
                inventory,
                APPROVAL,
                f"{name} is in {country} and is enabled without an approval",
                "who allowed it, when, and the number of the letter; or enabled: false",
            )
        if not backup.recipients:
            yield inventory.finding(
                RECIPIENTS,
                f"{name} is in {country} and no key is given that backups are encrypted to",
                "the public key (age1…) of whoever may read them",
            )


def _finding(inventory: Inventory, key: str, message: str, expected: str) -> Finding:
    """Of a key of an entry; where the list is written, it is too."""
    return Finding("", f"{TARGETS}.{key}", message, expected, inventory.origin(TARGETS))


def _expected(key: str) -> str:
    return {
        "country": f"two letters (ISO 3166-1), {HOME} at home",
        "endpoint": "https://host[:port]",
        "access_key": "a value from the vault",
        "secret_key": "a value from the vault",
    }.get(key, "a text")
