# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What services answer, as the recording rules have it, and whether that is good. Pure.

Thresholds are those of the alerts in roles/monitoring/files/rules/services.yml; a unit test compares them.
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass, replace

#: share of errors and seconds of p95 at which an alert goes off
ERRORS_MOST = 0.05
SECONDS_MOST = 1.0
#: share of errors that uses up a month's budget 14.4 times too fast
ERRORS_BURNING = 14.4 * 0.0001
#: share of the error budget below which it is worth a look
BUDGET_LOW = 0.25

#: field of a level -> recording rule
RECORDS: t.Mapping[str, str] = {
    "requests": "service:http_requests:rate5m",
    "errors": "service:http_error_share:rate5m",
    "p50": "service:http_request_seconds:p50_5m",
    "p95": "service:http_request_seconds:p95_5m",
    "p99": "service:http_request_seconds:p99_5m",
    "budget": "service:http_error_budget:left30d",
}
#: all of them in one question
QUERY = "{__name__=~" + f'"{"|".join(RECORDS.values())}"' + "}"

#: alerts that are always there, or say nothing of the platform
SILENT = ("Watchdog",)


@dataclass(frozen=True)
class Level:
    """One service over the last 5 minutes; None where there is no figure (without requests, mostly)."""

    namespace: str
    service: str
    #: a second
    requests: float | None = None
    #: share of 5xx, 0 to 1
    errors: float | None = None
    #: seconds within which half, 95 % and 99 % of the answers came
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    #: what is left of the 0.01 % of 30 days' requests that may fail: 1 untouched, 0 used up, below overdrawn
    budget: float | None = None


@dataclass(frozen=True)
class Alert:
    """An alert that fires."""

    name: str
    severity: str
    summary: str
    runbook: str = ""

    @property
    def is_critical(self) -> bool:
        """Whether it wakes somebody."""
        return self.severity == "critical"


def read_levels(series: t.Iterable[t.Mapping[str, t.Any]]) -> list[Level]:
    """The answer to ``QUERY``, by service, in order of their names."""
    fields = {record: field for field, record in RECORDS.items()}
    found: dict[tuple[str, str], dict[str, t.Any]] = {}
    for entry in series:
        labels = entry["metric"]
        field = fields.get(labels.get("__name__", ""))
        value = float(entry["value"][1])
        if field is None or not math.isfinite(value):
            continue
        key = (labels.get("namespace", ""), labels.get("service", ""))
        found.setdefault(key, {})[field] = value
    return [replace(Level(*key), **figures) for key, figures in sorted(found.items())]


def read_alerts(answer: t.Mapping[str, t.Any]) -> list[Alert]:
    """The data of ``/api/v1/alerts``: what fires, critical first, each text once."""
    fire = {
        Alert(
            name=one["labels"].get("alertname", ""),
            severity=one["labels"].get("severity", ""),
            summary=one.get("annotations", {}).get("summary", ""),
            runbook=one.get("annotations", {}).get("runbook", ""),
        )
        for one in answer.get("alerts", [])
        if one.get("state") == "firing" and one["labels"].get("alertname") not in SILENT
    }
    return sorted(fire, key=lambda one: (not one.is_critical, one.name, one.summary))


def errors_state(share: float | None) -> str:
    """The colour of a share of errors."""
    if share is None:
        return "none"
    return "failed" if share > ERRORS_MOST else "warning" if share > ERRORS_BURNING else "ok"


def seconds_state(p95: float | None) -> str:
    """The colour of a p95."""
    return "none" if p95 is None else "warning" if p95 > SECONDS_MOST else "ok"


def budget_state(left: float | None) -> str:
    """The colour of what is left of an error budget."""
    if left is None:
        return "none"
    return "failed" if left <= 0 else "warning" if left < BUDGET_LOW else "ok"
