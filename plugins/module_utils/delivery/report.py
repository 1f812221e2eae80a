# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a delivery tells: return values, and sections of the run's report (docs/report.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..services.model import Service
from .machine import State
from .numbers import Counts

if TYPE_CHECKING:
    from .run import Outcome

_COLUMNS = ["Step", "Held", "Requests new, stable", "Errors new, stable", "p95 new, stable", "Verdict"]


def delivery_values(
    service: Service, outcome: Outcome, report: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return values of a delivery in two colours.

    :param report: section about all services, kept when nothing was delivered now.
    """
    state = outcome.state
    values: dict[str, Any] = {"delivery": summary(state)}
    if state is not None and state.record:
        values["nilecare_report"] = section(service, state, outcome.figures)
    elif report is not None:
        values["nilecare_report"] = report
    return values


def summary(state: State | None) -> dict[str, Any]:
    """A state for people and programs."""
    if state is None:
        return {}
    return {
        "strategy": state.strategy,
        "phase": state.phase.value,
        "version": state.version,
        "old_version": state.old_version,
        "colour": state.new,
        "old_colour": state.old,
        "step": state.step,
        "kept_until": state.kept_until,
        "reason": state.reason,
        "steps": [dict(entry) for entry in state.record],
    }


def lines(state: State | None, command: str = "") -> list[str]:
    """The same as text."""
    if state is None:
        return ["was never delivered by blue_green or canary"]
    head = f"{state.strategy} of {state.version} ({state.new})"
    head += f", instead of {state.old_version} ({state.old}): {state.phase.value}" if state.old else ""
    found = [head]
    found += [f"wanted by hand: {command}"] if command else []
    found += [f"reason: {state.reason}"] if state.reason else []
    for entry in state.record:
        found.append(
            f"{entry['step']}: {entry['held']} s, {entry['requests_new']} requests,"
            f" {entry['errors_new']} errors: {entry['verdict']} ({entry['reason']})"
        )
    return found


def section(service: Service, state: State, figures: Mapping[str, Counts]) -> dict[str, Any]:
    """The section of one delivery."""
    failed = bool(state.reason)
    rows = [
        [
            entry["step"],
            f"{entry['held']:.0f} s",
            f"{entry['requests_new']}, {entry['requests_old']}",
            f"{entry['errors_new']}, {entry['errors_old']}",
            f"{_ms(entry['p95_new'])}, {_ms(entry['p95_old'])}",
            {"text": entry["verdict"], "state": "failed" if entry["verdict"] == "back" else "ok"},
        ]
        for entry in state.record
    ]
    told = f"{state.version} was taken back: {state.reason}" if failed else f"{state.version} serves"
    result: dict[str, Any] = {
        "section": f"Delivery of {service.name}",
        "state": "failed" if failed else "ok",
        "summary": told,
        "facts": {"Strategy": state.strategy, "New": state.version, "Stable": state.old_version or "none"},
        "table": {"columns": _COLUMNS, "rows": rows},
    }
    charts = []
    p95 = {name: round(v * 1000, 1) for name, c in figures.items() if (v := c.quantile(0.95)) is not None}
    if p95:
        charts.append({"title": "p95 of the last step", "unit": "ms", "values": p95})
    errors = {name: round(c.error_rate * 100, 2) for name, c in figures.items() if c.requests}
    if errors:
        charts.append({"title": "Errors of the last step", "unit": "%", "values": errors})
    if charts:
        result["charts"] = charts
    return result


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"
