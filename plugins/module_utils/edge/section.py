# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report's section on the answers of the edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .answers import Answer, Route

TITLE = "Edge"


def section(routes: Sequence[Route], addresses: dict[str, str]) -> dict[str, Any]:
    """A value of `nilecare_report` (docs/report.md)."""
    silent = [name for name in addresses if all(_worst(route.answers[name]).error for route in routes)]
    dead = [route.url for route in routes if route.dead]
    bad = [route.url for route in routes if not all(_worst(a).good for a in route.answers.values())]
    return {
        "section": TITLE,
        "state": "failed" if dead else "warning" if bad else "ok",
        "summary": _summary(len(routes), len(addresses), dead, bad, silent),
        "table": {
            "columns": [
                "URL",
                *(f"{name} {address}" for name, address in addresses.items()),
                "Answered from",
            ],
            "rows": [_row(route) for route in routes],
        },
    }


def _summary(
    count: int, addresses: int, dead: Sequence[str], bad: Sequence[str], silent: Sequence[str]
) -> str:
    if dead:
        return f"{len(dead)} of {count} routes are answered through no address."
    if silent:
        return f"All {count} routes are answered, but no answer came through {', '.join(silent)}."
    if bad:
        return f"All {count} routes are answered, {len(bad)} of them not through every address."
    return f"All {count} routes are answered through all {addresses} addresses."


def _row(route: Route) -> list[Any]:
    zones = ", ".join(f"{zone} {times}" for zone, times in route.zones.items())
    return [route.url, *(_cell(answers) for answers in route.answers.values()), zones or "-"]


def _worst(answers: Sequence[Answer]) -> Answer:
    """No answer is worse than a status of 500 or more, and that is worse than the rest."""
    return max(answers, key=lambda answer: (not answer.good, bool(answer.error)))


def _cell(answers: Sequence[Answer]) -> dict[str, str]:
    worst = _worst(answers)
    text = worst.error or ", ".join(sorted({str(answer.status) for answer in answers}))
    return {"text": text, "state": "ok" if worst.good else "failed"}
