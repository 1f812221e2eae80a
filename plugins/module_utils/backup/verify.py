# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a backup worth its name? It is fetched, decrypted, restored, started and counted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from . import found, trial
from .errors import BackupError
from .etcd import saved
from .programs import Programs
from .record import Record, prefix, taken_at
from .store import Store, Target


@dataclass
class Verdict:
    """What was found at one target."""

    target: str
    site: str = ""
    record: Record | None = None
    problems: list[str] = field(default_factory=list)
    #: seconds that each step took
    seconds: dict[str, float] = field(default_factory=dict)
    #: hours since it was taken
    age: float = 0.0
    keys: int = 0

    @property
    def good(self) -> bool:
        return not self.problems


def verify(
    target: Target,
    programs: Programs,
    home: Path,
    cluster: str,
    kind: str,
    identity: str,
    now: datetime,
    most_hours: float,
    name: str = found.NEWEST,
) -> Verdict:
    """Verify one backup of one target. home is a folder that only the owner reads, empty at first."""
    verdict = Verdict(target.name, target.site)
    try:
        _verify(verdict, target, programs, home, prefix(cluster, kind), identity, name)
    except BackupError as error:
        verdict.problems.append(str(error))
    one = verdict.record
    if one is not None:
        verdict.age = (now - taken_at(one.name)).total_seconds() / 3600
        if one.cluster != cluster or one.kind != kind:
            verdict.problems.append(f"{one.name} is of {one.kind} of {one.cluster}")
        if name == found.NEWEST and verdict.age > most_hours:
            verdict.problems.append(
                f"the newest backup is {verdict.age:.1f} h old; expected one of the last {most_hours:g} h"
            )
    return verdict


def _verify(
    verdict: Verdict, target: Target, programs: Programs, home: Path, below: str, identity: str, name: str
) -> None:
    store = Store(target, programs, home)
    began = time.monotonic()
    one = verdict.record = found.find(store, below, name)
    snapshot = found.bring(store, below, one, identity, programs, home)
    began = _lap(verdict, "fetched and decrypted", began)
    revision = saved(programs, snapshot).revision
    data = home / "data"
    trial.restore(programs, snapshot, data)
    snapshot.unlink()
    began = _lap(verdict, "restored", began)
    with trial.started(programs, data) as member:
        # At that revision: keys with a lease may run out while we look.
        verdict.keys = member.count(one.revision)
        now = member.status().revision
    _lap(verdict, "started and counted", began)
    if verdict.keys != one.keys:
        verdict.problems.append(
            f"{one.name} has {verdict.keys} keys, {one.keys} were there when it was taken"
        )
    if revision != one.revision or now < one.revision:
        verdict.problems.append(
            f"{one.name} is at revision {now} (its file at {revision}), its record says {one.revision}"
        )


def _lap(verdict: Verdict, step: str, began: float) -> float:
    now = time.monotonic()
    verdict.seconds[step] = now - began
    return now
