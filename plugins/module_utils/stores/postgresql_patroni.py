# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Settings that Patroni's members share. They are given at the first start only; later ones come in here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .certificates import DIRECTORY as TLS
from .execute import Execute
from .members import Standing
from .model import Store
from .statefulset import CONFIGURATION

API_PORT = 8008

# Asks Patroni itself: patronictl takes a second and a half of a core to start, and writes YAML.
SHOW = f"""\
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile="{TLS}/ca.crt")
print(urllib.request.urlopen(sys.argv[1], context=context, timeout=20).read().decode())
"""


def adjust(store: Store, wanted: Mapping[str, Any], execute: Execute, check: bool) -> list[str]:
    """Bring about the shared settings that differ; others are left alone."""
    control = ["patronictl", "-c", f"{CONFIGURATION}/patroni.yml"]
    place = f"https://{store.member_address(store.members[0])}:{API_PORT}/config"
    now = json.loads(execute(store.members[0], ["python3", "-c", SHOW, place], ""))
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


def standings(
    store: Store, given: Mapping[str, Any], asked: str, execute: Execute
) -> tuple[dict[str, Standing], list[str]]:
    """Role and delay of every member, and what is wrong with all together, as one of them knows it.

    :raises ValueError: it does not answer.
    """
    place = f"https://{store.member_address(asked)}:{API_PORT}/cluster"
    answer = json.loads(execute(asked, ["python3", "-c", SHOW, place], ""))
    found = {one["name"]: _standing(one, given) for one in answer["members"]}
    leads = any(one["role"] == "leader" and one["state"] == "running" for one in answer["members"])
    return found, [] if leads else ["nobody writes"]


def _standing(one: Mapping[str, Any], given: Mapping[str, Any]) -> Standing:
    role, state, lag = str(one["role"]).replace("_", " "), one.get("state"), one.get("lag")
    if state not in ("running", "streaming", "in archive recovery"):
        return Standing(role, "", f"is {state}")
    if role == "leader":
        return Standing(role)
    if not isinstance(lag, int):
        return Standing(role, "unknown", "follows nobody")
    allowed = int(given.get("replica_lag", lag))
    return Standing(role, f"{lag} B", f"is {lag} bytes behind" if lag > allowed else "")
