# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How a store's members stand: where each runs, whether it serves, its role, how far it is behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..kubernetes.client import Client
from ..kubernetes.readiness import is_ready
from .engines import engine_of
from .execute import Execute
from .model import Store

ZONE = "topology.kubernetes.io/zone"
COLUMNS = ["Store", "Engine", "Member", "Machine", "Site", "Role", "Behind", "Restarts", "State"]


@dataclass(frozen=True)
class Standing:
    """What the engine says of one member.

    :param role: in the engine's own words, such as leader or replica.
    :param behind: how far behind the leader it is, with its unit; empty where the engine has no such figure.
    :param fault: what is wrong with it.
    """

    role: str = ""
    behind: str = ""
    fault: str = ""


@dataclass
class Member:
    """One member, as the cluster and the engine see it."""

    name: str
    machine: str = ""
    site: str = ""
    ready: bool = False
    restarts: int = 0
    standing: Standing = field(default_factory=Standing)

    @property
    def fault(self) -> str:
        """Why it is not well, or nothing."""
        if not self.machine:
            return "does not run"
        return "is not ready" if not self.ready else self.standing.fault


@dataclass
class Members:
    """All members of a store, and what is wrong with the store as a whole."""

    store: Store
    members: list[Member]
    faults: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """Everything that is wrong, in sentences."""
        own = [f"{one.name} {one.fault}" for one in self.members if one.fault]
        return [*own, *self.faults]


def look(client: Client, store: Store, settings: Mapping[str, Any], execute: Execute) -> Members:
    """How a store stands. An engine that does not answer is a fault, not an error."""
    pods = {p["metadata"]["name"]: p for p in client.list("v1", "Pod", store.namespace).items}
    nodes = {n["metadata"]["name"]: n for n in client.list("v1", "Node").items}
    found = Members(store, [_member(name, pods.get(name), nodes) for name in store.members])
    engine, failure = engine_of(store.engine), ""
    for asked in (one.name for one in found.members if one.ready):
        try:
            standings, found.faults = engine.standings(store, settings, asked, execute)
        except ValueError as error:
            failure = failure or f"does not say how it stands: {error}"
            continue
        for member in found.members:
            member.standing = standings.get(member.name, Standing(fault="is unknown to the others"))
        return found
    found.faults = [failure or "no member can be asked"]
    return found


def _member(name: str, pod: Mapping[str, Any] | None, nodes: Mapping[str, dict[str, Any]]) -> Member:
    machine = ((pod or {}).get("spec") or {}).get("nodeName", "")
    if pod is None or not machine:
        return Member(name)
    labels = nodes.get(machine, {}).get("metadata", {}).get("labels") or {}
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return Member(
        name,
        machine,
        labels.get(ZONE, ""),
        is_ready(dict(pod)) and not pod["metadata"].get("deletionTimestamp"),
        sum(status.get("restartCount", 0) for status in statuses),
    )


def section(found: Members) -> dict[str, Any]:
    """A value of `nilecare_report` (docs/report.md); those of all stores become one."""
    wrong, store = found.wrong, found.store
    ready = sum(not one.fault for one in found.members)
    text = f"{store.name}: {ready} of {len(found.members)} members are well"
    return {
        "section": "Stores",
        "state": "failed" if wrong else "ok",
        "summary": f"{text}; {'; '.join(wrong)}." if wrong else f"{text}.",
        "table": {
            "columns": COLUMNS,
            "rows": [_row(store, one) for one in found.members],
        },
    }


def _row(store: Store, one: Member) -> list[Any]:
    state = {"text": one.fault or "ready", "state": "failed" if one.fault else "ok"}
    place = [one.machine or "-", one.site or "-", one.standing.role or "-", one.standing.behind or "-"]
    return [store.name, f"{store.engine} {store.version}", one.name, *place, one.restarts, state]
