"""Every alert has a case on which it must fire (tests/monitoring), a severity and a page."""

from __future__ import annotations

from tests.monitoring.cases import CASES, ROOT, alerts


def test_every_alert_has_its_case_severity_and_runbook() -> None:
    assert {rule["alert"] for rule in alerts()} == {*CASES, "Watchdog"}
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning", "none"), rule["alert"]
        page = ROOT / rule["annotations"]["runbook"]
        assert f"`{rule['alert']}`" in page.read_text(), f"{page} says nothing of {rule['alert']}"
