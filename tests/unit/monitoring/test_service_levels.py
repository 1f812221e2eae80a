"""What services answer: read from Prometheus' answers, judged, shown."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.prometheus import (
    Prometheus,
    PrometheusError,
)
from ansible_collections.nilecare.platform.plugins.module_utils.health import checks
from ansible_collections.nilecare.platform.plugins.module_utils.monitoring import levels, show
from ansible_collections.nilecare.platform.plugins.module_utils.monitoring.ask import Found, ask
from ansible_collections.nilecare.platform.plugins.module_utils.monitoring.levels import Alert, Level
from ansible_collections.nilecare.platform.plugins.module_utils.report import sections

RULES = Path(__file__).parents[3] / "roles/monitoring/files/rules"
GOOD = Level("clinical", "ehr-service", 12.5, 0.0, 0.004, 0.02, 0.05, 0.9)
BAD = Level("clinical", "lab-service", 3.0, 0.061, 0.3, 1.7, 4.2, -1.5)
IDLE = Level("business", "billing-service", 0.0)
DOWN = Alert("ServiceDown", "critical", "No pod of lab-service answers", "docs/runbooks/service-down.md")
SLOW = Alert("ServiceSlow", "warning", "p95 of lab-service is 1.7s", "docs/runbooks/service-slow.md")


def series(record: str, value: str, service: str = "ehr-service") -> dict[str, Any]:
    labels = {"__name__": record, "namespace": "clinical", "service": service, "cluster": "lab"}
    return {"metric": labels, "value": [1.0, value]}


def rules(file: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load((RULES / file).read_text())["groups"] for rule in group["rules"]]


def test_one_answer_gives_all_figures_of_all_services() -> None:
    answer = [
        series(levels.RECORDS["requests"], "2.5"),
        series(levels.RECORDS["p95"], "0.02"),
        series(levels.RECORDS["budget"], "0.75"),
        series(levels.RECORDS["requests"], "0", "another-service"),
        series(levels.RECORDS["p95"], "NaN", "another-service"),
        series("service:memory_bytes:sum", "1"),
    ]
    assert levels.read_levels(answer) == [
        Level("clinical", "another-service", requests=0.0),
        Level("clinical", "ehr-service", requests=2.5, p95=0.02, budget=0.75),
    ]


def test_every_figure_has_its_recording_rule() -> None:
    assert set(levels.RECORDS.values()) <= {rule.get("record") for rule in rules("records.yml")}


def test_thresholds_are_those_of_the_alerts() -> None:
    alerts = {rule["alert"]: rule["expr"] for rule in rules("services.yml")}
    assert f"service:http_error_share:rate5m > {levels.ERRORS_MOST} " in alerts["ServiceErrors"]
    assert f"p95_5m > {levels.SECONDS_MOST:g} " in alerts["ServiceSlow"]
    assert "> 14.4 * 0.0001" in alerts["ServiceErrorBudgetBurns"]
    assert pytest.approx(14.4 * 0.0001) == levels.ERRORS_BURNING


def test_alerts_that_fire_come_critical_first_and_each_once() -> None:
    def one(name: str, severity: str, state: str = "firing") -> dict[str, Any]:
        labels = {"alertname": name, "severity": severity}
        return {"labels": labels, "annotations": {"summary": "s", "runbook": "r"}, "state": state}

    found = levels.read_alerts(
        {
            "alerts": [
                one("Aa", "warning"),
                one("Zz", "critical"),
                one("Zz", "critical"),
                one("Pending", "critical", "pending"),
                one("Watchdog", "none"),
            ]
        }
    )
    assert found == [Alert("Zz", "critical", "s", "r"), Alert("Aa", "warning", "s", "r")]


@pytest.mark.parametrize(
    ("share", "state"),
    [(None, "none"), (0.0, "ok"), (0.0015, "warning"), (0.05, "warning"), (0.051, "failed")],
)
def test_errors_are_coloured(share: float | None, state: str) -> None:
    assert levels.errors_state(share) == state


@pytest.mark.parametrize(
    ("left", "state"), [(None, "none"), (1.0, "ok"), (0.2, "warning"), (0.0, "failed"), (-3.0, "failed")]
)
def test_budgets_are_coloured(left: float | None, state: str) -> None:
    assert levels.budget_state(left) == state


def test_the_section_follows_the_reports_schema() -> None:
    section = sections.parse(show.section([IDLE, GOOD, BAD], [DOWN, SLOW]))
    assert section.state == "failed"
    assert section.summary == ["The error budget of 99.99 % over 30 days is used up by lab-service."]
    assert section.facts["Requests"].text == "15.5 a second"
    assert section.facts["With traffic"].text == "2 of 3 services"
    assert section.facts["Alerts"].text == "2, 1 critical"
    alerts, table = section.tables
    assert [row[0].text for row in alerts.rows] == ["ServiceDown", "ServiceSlow"]
    texts = [[cell.text for cell in row] for row in table.rows]
    assert texts[0] == ["billing-service", "0", "-", "-", "-", "-", "-"]
    assert texts[1] == ["ehr-service", "12.5", "0 %", "4 ms", "20 ms", "50 ms", "90 %"]
    assert texts[2] == ["lab-service", "3", "6.1 %", "300 ms", "1.7 s", "4.2 s", "overdrawn, 2.5 times used"]
    assert [cell.state for cell in table.rows[2]][1:] == [
        "none",
        "failed",
        "none",
        "warning",
        "none",
        "failed",
    ]
    assert {chart.title for chart in section.charts} >= {"Requests a second", "p95"}


def test_a_healthy_platform_is_green_and_an_idle_one_says_so() -> None:
    assert show.section([GOOD], [])["state"] == "ok"
    assert show.section([IDLE], [])["summary"] == "No service was asked anything in the last 5 minutes."
    assert show.section([], [])["summary"] == "Prometheus has no figures of services yet."


@pytest.mark.parametrize(
    ("found", "wanted", "state"),
    [
        (Found(False, "there is none"), False, "none"),
        (Found(False, "there is none"), True, "warning"),
        (Found(True, "it does not answer"), False, "failed"),
    ],
)
def test_what_is_not_known_is_said(found: Found, wanted: bool, state: str) -> None:
    section = sections.parse(show.said(found, wanted))
    assert section.state == state
    assert section.summary == [f"Traffic, errors and latency are not known: {found.problem}."]


def test_health_fails_for_critical_alerts_and_a_silent_prometheus_only() -> None:
    def oks(found: Found, wanted: bool = True) -> list[bool | None]:
        return [check.ok for check in checks.monitoring(found, wanted)]

    assert oks(Found(True, "", [BAD], [])) == [True]
    assert oks(Found(True, "", [BAD], [DOWN, SLOW])) == [True, False, None]
    assert oks(Found(True, "no answer")) == [False]
    assert oks(Found(False, "there is none")) == [None]
    assert oks(Found(False, "there is none"), wanted=False) == []


class Pods:
    """An API server that knows of these pods only, and counts what it is asked."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = pods
        self.asked = 0

    def list(self, *_what: str) -> Any:
        self.asked += 1
        return SimpleNamespace(items=list(self.pods))


class Answers(Prometheus):
    """A Prometheus whose answers are known."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.closed = False

    def _get(self, path: str) -> bytes:
        for start, data in self.answers.items():
            if path.startswith(start):
                return json.dumps({"status": "success", "data": data}).encode()
        raise PrometheusError("Prometheus cannot be asked: gone")

    def close(self) -> None:
        self.closed = True


def test_without_prometheus_one_question_is_asked() -> None:
    client = Pods()
    found = ask(client, "kubeconfig", opened=lambda *_all: pytest.fail("a tunnel"))  # type: ignore[arg-type]
    assert (found.there, client.asked) == (False, 1)
    assert found.problem == "there is no Prometheus in namespace monitoring"


def test_prometheus_is_asked_and_left() -> None:
    prometheus = Answers(
        {
            "query": {"resultType": "vector", "result": [series(levels.RECORDS["requests"], "2")]},
            "alerts": {"alerts": []},
        }
    )
    found = ask(Pods({}), "kubeconfig", opened=lambda *_all: prometheus)  # type: ignore[arg-type]
    assert found == Found(True, "", [Level("clinical", "ehr-service", requests=2.0)], [])
    assert prometheus.closed


def test_a_prometheus_that_does_not_answer_is_a_problem_and_no_error() -> None:
    prometheus = Answers({})
    found = ask(Pods({}), "kubeconfig", opened=lambda *_all: prometheus)  # type: ignore[arg-type]
    assert found == Found(True, "Prometheus cannot be asked: gone")
    assert prometheus.closed
