"""Every alert fires on its case and is silent on a healthy platform; promtool evaluates the shipped rules.

promtool is the bundle's: a bundle with the set monitoring must have been made.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.monitoring import promtool
from tests.monitoring.cases import BESIDE, CASES, HEALTHY, RULES, SERVICE_500, each

MINUTES = 90


def values(text: str) -> str:
    """The values of a series: a number stays, an open ``x`` goes on to the end."""
    if text.endswith("x"):
        return f"{text}{MINUTES}"
    return text if "x" in text or " " in text else f"{text}x{MINUTES}"


def case(name: str, changed: dict[str, str], expected: set[str]) -> dict[str, Any]:
    series = [{"series": key, "values": values(value)} for key, value in {**HEALTHY, **changed}.items()]
    firing = 'count by (alertname) (ALERTS{alertstate="firing", alertname!="Watchdog"})'
    return {
        "name": name,
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [
            {
                "expr": f"{firing} * 0",
                "eval_time": f"{MINUTES - 5}m",
                "exp_samples": [
                    {"labels": f'{{alertname="{alert}"}}', "value": 0} for alert in sorted(expected)
                ],
            }
        ],
    }


def run_promtool(tmp_path: Path, tests: list[dict[str, Any]]) -> None:
    tool = promtool.find()
    file = tmp_path / "tests.yml"
    rules = [str(path) for path in sorted(RULES.glob("*.yml"))]
    file.write_text(yaml.safe_dump({"rule_files": rules, "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run(
        [str(tool), "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_said_of_a_healthy_platform(tmp_path: Path) -> None:
    run_promtool(tmp_path, [case("healthy", {}, set())])


def test_each_alert_fires_on_its_case_and_alone(tmp_path: Path) -> None:
    run_promtool(
        tmp_path, [case(name, changed, {name} | BESIDE.get(name, set())) for name, changed in CASES.items()]
    )


def test_the_recorded_numbers(tmp_path: Path) -> None:
    changed = each(SERVICE_500, "0+60x")
    labels = 'namespace="clinical",service="ehr-service"'
    expected = {
        "service:http_requests:rate5m": 33.0,
        "service:http_errors:rate5m": 3.0,
        "service:http_error_share:rate5m": 3 / 33,
        "service:http_request_seconds:p50_5m": 0.05,
        "service:http_request_seconds:p95_5m": 0.095,
        "service:http_request_seconds:p99_5m": 0.099,
        "service:cpu_cores:rate5m": 0.3,
        "service:memory_bytes:sum": 3000,
        "service:http_connections_open:sum": 6,
        "service:cache_hit_share:rate5m": 0.9,
        "service:http_error_share:rate1h": 3 / 33,
    }
    test = case("records", changed, set())
    test["promql_expr_test"] = [
        {
            "expr": f"round(100000 * {name})",
            "eval_time": "80m",
            "exp_samples": [{"labels": f"{{{labels}}}", "value": round(100000 * value)}],
        }
        for name, value in expected.items()
    ]
    run_promtool(tmp_path, [test])
