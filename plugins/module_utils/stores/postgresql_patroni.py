# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Settings that Patroni's members share. They are given at the first start only; later ones come in here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .execute import Execute
from .model import Store
from .statefulset import CONFIGURATION

# What patronictl does for show-config, which writes YAML.
SHOW = f"""\
import json
from patroni.config import Config
from patroni.dcs import get_dcs
config = Config("{CONFIGURATION}/patroni.yml", validator=None).copy()
print(json.dumps(get_dcs({{**config, "patronictl": True}}).get_cluster().config.data))
"""


def adjust(store: Store, wanted: Mapping[str, Any], execute: Execute, check: bool) -> list[str]:
    """Bring about the shared settings that differ; others are left alone."""
    control = ["patronictl", "-c", f"{CONFIGURATION}/patroni.yml"]
    now = json.loads(execute(store.members[0], ["python3", "-c", SHOW], ""))
    different = differences(now, wanted)
    if different and not check:
        command = [*control, "edit-config", "--force", "--quiet", "--apply", "-", store.name]
        execute(store.members[0], command, json.dumps(wanted))
    return [f"setting {name}" for name in different]


def differences(now: Mapping[str, Any], wanted: Mapping[str, Any], path: str = "") -> list[str]:
    """Names of what is not as wanted, with dots."""
    found: list[str] = []
    for name, value in wanted.items():
        if isinstance(value, Mapping):
            found += differences(now.get(name) or {}, value, f"{path}{name}.")
        elif now.get(name) != value:
            found.append(f"{path}{name}")
    return found
