# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report's section on backups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .record import Record
from .verify import Verdict

TITLE = "Backups"
COLUMNS = ["Backup", "Target", "Taken", "Size", "Keys", "State"]


def verified(kind: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """A value of `nilecare_report` (docs/report.md): what was verified."""
    bad = [verdict for verdict in verdicts if not verdict.good]
    names = ", ".join(verdict.target for verdict in verdicts)
    if bad:
        summary = f"{len(bad)} of {len(verdicts)} backups of {kind} cannot be relied on."
    elif not verdicts:
        summary = f"There is no target for backups of {kind}."
    else:
        summary = f"The backup of {kind} at {names} was restored aside, started and counted."
    return {
        "section": TITLE,
        "state": "failed" if bad else "ok" if verdicts else "warning",
        "summary": summary,
        "table": {"columns": COLUMNS, "rows": [_row(kind, verdict) for verdict in verdicts]},
        "charts": [
            {"title": f"{kind} from {verdict.target}", "unit": "s", "values": rounded(verdict.seconds)}
            for verdict in verdicts
            if verdict.seconds
        ],
    }


def taken(kind: str, records: Sequence[Record], targets: Sequence[str]) -> dict[str, Any]:
    """The same, of backups that were taken in this run."""
    rows = [
        [kind, target, one.taken, size(one.size), one.keys, {"text": "taken", "state": "ok"}]
        for target, one in zip(targets, records, strict=True)
    ]
    return {
        "section": TITLE,
        "state": "ok",
        "summary": f"A backup of {kind} was brought to {', '.join(targets)}.",
        "table": {"columns": COLUMNS, "rows": rows},
    }


def rounded(seconds: dict[str, float]) -> dict[str, float]:
    """Seconds as people read them."""
    return {step: round(value, 1) for step, value in seconds.items()}


def size(number: float) -> str:
    """Bytes in words."""
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


def _row(kind: str, verdict: Verdict) -> list[Any]:
    one = verdict.record
    state = (
        {"text": "verified", "state": "ok"}
        if verdict.good
        else {"text": "; ".join(verdict.problems), "state": "failed"}
    )
    place = f"{verdict.target} ({verdict.site})" if verdict.site else verdict.target
    if one is None:
        return [kind, place, "-", "-", "-", state]
    return [kind, place, one.taken, size(one.size), verdict.keys or one.keys, state]
