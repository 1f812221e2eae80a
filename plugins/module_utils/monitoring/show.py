# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows service levels: a section of the report (docs/report.md). Pure."""

from __future__ import annotations

import typing as t

from .ask import Found
from .levels import Alert, Level, budget_state, errors_state, seconds_state

TITLE = "Service levels"
_COLUMNS = ["Service", "Requests/s", "Errors", "p50", "p95", "p99", "Error budget left"]
_STATES = ("none", "ok", "warning", "failed")


def section(levels: t.Sequence[Level], alerts: t.Sequence[Alert]) -> dict[str, t.Any]:
    """The section: what each service answered in the last 5 minutes, and what fires."""
    busy = [level for level in levels if level.requests]
    rows = [_row(level) for level in levels]
    states = [cell["state"] for row in rows for cell in row[1:]]
    states += ["failed" if alert.is_critical else "warning" for alert in alerts]
    total = sum(level.requests or 0 for level in levels)
    tables: list[dict[str, t.Any]] = []
    if alerts:
        tables.append(_alerts(alerts))
    if rows:
        tables.append({"title": "The last 5 minutes", "columns": _COLUMNS, "rows": rows})
    return {
        "section": TITLE,
        "state": max(states, key=_STATES.index, default="none"),
        "summary": _summary(levels, busy),
        "facts": {
            "Requests": f"{rate(total)} a second",
            "With traffic": f"{len(busy)} of {len(levels)} services",
            "Alerts": _count(alerts),
        },
        "tables": tables,
        "charts": _charts(levels),
    }


def said(found: Found, wanted: bool) -> dict[str, t.Any]:
    """The section of an answer; ``wanted``: whether the inventory says that there is a Prometheus."""
    if found.there and not found.problem:
        return section(found.levels, found.alerts)
    state = "failed" if found.there else "warning" if wanted else "none"
    summary = f"Traffic, errors and latency are not known: {found.problem}."
    return {"section": TITLE, "state": state, "summary": summary}


def rate(value: float | None) -> str:
    """Requests a second, in three digits."""
    return "-" if value is None else "0" if not value else f"{value:.3g}"


def share(value: float | None) -> str:
    """A share of 0 to 1 in percent; one that is hardly there is not rounded to none."""
    return "-" if value is None else "0 %" if not value else f"{value * 100:.3g} %"


def seconds(value: float | None) -> str:
    """A time: milliseconds below a second."""
    return "-" if value is None else f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"


def left(value: float | None) -> str:
    """What is left of a budget, or how many budgets were used."""
    if value is None:
        return "-"
    return f"overdrawn, {1 - value:.3g} times used" if value < 0 else f"{value * 100:.3g} %"


def _summary(levels: t.Sequence[Level], busy: t.Sequence[Level]) -> str:
    if not levels:
        return "Prometheus has no figures of services yet."
    if not busy:
        return "No service was asked anything in the last 5 minutes."
    late = [level.service for level in levels if level.budget is not None and level.budget <= 0]
    if late:
        return f"The error budget of 99.99 % over 30 days is used up by {', '.join(late)}."
    return "All services are within their error budget of 99.99 % over 30 days."


def _row(level: Level) -> list[t.Any]:
    return [
        level.service,
        {"text": rate(level.requests), "state": "none"},
        {"text": share(level.errors), "state": errors_state(level.errors)},
        {"text": seconds(level.p50), "state": "none"},
        {"text": seconds(level.p95), "state": seconds_state(level.p95)},
        {"text": seconds(level.p99), "state": "none"},
        {"text": left(level.budget), "state": budget_state(level.budget)},
    ]


def _count(alerts: t.Sequence[Alert]) -> dict[str, str]:
    if not alerts:
        return {"text": "none", "state": "ok"}
    critical = sum(alert.is_critical for alert in alerts)
    return {"text": f"{len(alerts)}, {critical} critical", "state": "failed" if critical else "warning"}


def _alerts(alerts: t.Sequence[Alert]) -> dict[str, t.Any]:
    rows = [
        [
            alert.name,
            {"text": alert.severity or "-", "state": "failed" if alert.is_critical else "warning"},
            alert.summary,
            alert.runbook,
        ]
        for alert in alerts
    ]
    return {"title": "Alerts", "columns": ["Alert", "Severity", "What", "Page"], "rows": rows}


def _charts(levels: t.Sequence[Level]) -> list[dict[str, t.Any]]:
    charts = []
    requests = {level.service: round(level.requests, 2) for level in levels if level.requests}
    p95 = {level.service: round(level.p95 * 1000, 1) for level in levels if level.p95 is not None}
    budgets = {
        level.service: round(max(level.budget, 0.0) * 100, 1) for level in levels if level.budget is not None
    }
    if requests:
        charts.append({"title": "Requests a second", "unit": "", "values": requests})
    if p95:
        charts.append({"title": "p95", "unit": "ms", "values": p95})
    if budgets:
        charts.append({"title": "Error budget left, of 99.99 % over 30 days", "unit": "%", "values": budgets})
    return charts
