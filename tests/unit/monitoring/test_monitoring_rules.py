"""Every alert fires on its case and is silent on a healthy platform; promtool evaluates the shipped rules."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.monitoring import promtool

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "roles" / "monitoring" / "files" / "rules"
MINUTES = 90

POD = 'namespace="clinical",pod="ehr-{n}",service="ehr-service"'
HEALTHY: dict[str, str] = {}
for number in (1, 2, 3):
    pod = POD.format(n=number)
    node = f'node="khartoum-{number}"'
    HEALTHY |= {
        f'up{{job="services",{pod}}}': "1",
        f'http_requests_total{{job="services",{pod},status="200"}}': "0+600x",
        f'http_requests_total{{job="services",{pod},status="500"}}': "0",
        f'http_request_duration_seconds_bucket{{job="services",{pod},le="0.1"}}': "0+600x",
        f'http_request_duration_seconds_bucket{{job="services",{pod},le="2.5"}}': "0+600x",
        f'http_request_duration_seconds_bucket{{job="services",{pod},le="+Inf"}}': "0+600x",
        f'http_connections_open{{job="services",{pod}}}': "2",
        f'cache_lookups_total{{job="services",{pod},result="hit"}}': "0+540x",
        f'cache_lookups_total{{job="services",{pod},result="miss"}}': "0+60x",
        f'container_cpu_usage_seconds_total{{job="pods",namespace="clinical",pod="ehr-{number}"}}': "0+6x",
        f'container_memory_working_set_bytes{{job="pods",namespace="clinical",pod="ehr-{number}"}}': "1000",
        f'up{{job="nodes",{node}}}': "1",
        f'up{{job="kubelets",{node}}}': "1",
        f'up{{job="calico",{node}}}': "1",
        f'up{{job="etcd",{node}}}': "1",
        f'up{{job="controller-manager",{node}}}': "1",
        f'up{{job="scheduler",{node}}}': "1",
        f'scheduler_pending_pods{{job="scheduler",{node},queue="unschedulable"}}': "0",
        f'up{{job="edge",{node}}}': "1",
        f'nginx_up{{job="edge",{node}}}': "1",
        f'nginx_connections_accepted{{job="edge",{node}}}': "0+600x",
        f'nginx_connections_handled{{job="edge",{node}}}': "0+600x",
        f'up{{job="api-servers",instance="10.0.0.{number}:6443"}}': "1",
        f'node_filesystem_avail_bytes{{job="nodes",{node},mountpoint="/"}}': "50",
        f'node_filesystem_size_bytes{{job="nodes",{node},mountpoint="/"}}': "100",
        f'node_memory_MemAvailable_bytes{{job="nodes",{node}}}': "50",
        f'node_memory_MemTotal_bytes{{job="nodes",{node}}}': "100",
        f'node_timex_offset_seconds{{job="nodes",{node}}}': "0.001",
        f'etcd_server_has_leader{{job="etcd",{node}}}': "1",
        f'etcd_mvcc_db_total_size_in_bytes{{job="etcd",{node}}}': "10",
        f'etcd_server_quota_backend_bytes{{job="etcd",{node}}}': "100",
    }
HEALTHY |= {
    'apiserver_request_total{job="api-servers",code="200"}': "0+600x",
    'apiserver_request_total{job="api-servers",code="500"}': "0",
    'coredns_dns_responses_total{job="coredns",rcode="NOERROR"}': "0+600x",
    'coredns_dns_responses_total{job="coredns",rcode="SERVFAIL"}': "0",
    'prometheus_rule_evaluation_failures_total{job="prometheus",pod="p-0"}': "0",
    'alertmanager_notifications_failed_total{job="alertmanager",pod="a-0"}': "0",
    'prometheus_tsdb_head_series{job="prometheus",pod="p-0"}': "20000",
}
FIRST = POD.format(n=1)


def each(template: str, value: str) -> dict[str, str]:
    """The same series of all three pods."""
    return {template.format(pod=POD.format(n=n), n=n): value for n in (1, 2, 3)}


SERVICE_500 = 'http_requests_total{{job="services",{pod},status="500"}}'
# By alert: what is different from a healthy platform.
CASES: dict[str, dict[str, str]] = {
    "ServiceDown": each('up{{job="services",{pod}}}', "0"),
    "ServiceReduced": {f'up{{job="services",{FIRST}}}': "0"},
    "ServiceErrors": each(SERVICE_500, "0+60x"),
    "ServiceErrorBudgetBurns": each(SERVICE_500, "0+1x"),
    "ServiceSlow": each('http_request_duration_seconds_bucket{{job="services",{pod},le="0.1"}}', "0+60x"),
    "ServiceCacheMisses": {
        **each('cache_lookups_total{{job="services",{pod},result="hit"}}', "0+540x60 32400x"),
        **each('cache_lookups_total{{job="services",{pod},result="miss"}}', "0+60x60 3600+600x"),
    },
    "NodeDown": {'up{job="nodes",node="khartoum-1"}': "0"},
    "NodeDiskFull": {'node_filesystem_avail_bytes{job="nodes",node="khartoum-1",mountpoint="/"}': "9"},
    "NodeMemoryFull": {'node_memory_MemAvailable_bytes{job="nodes",node="khartoum-1"}': "4"},
    "NodeClockOff": {'node_timex_offset_seconds{job="nodes",node="khartoum-1"}': "-0.7"},
    "KubeletDown": {'up{job="kubelets",node="khartoum-1"}': "0"},
    "NetworkAgentDown": {'up{job="calico",node="khartoum-1"}': "0"},
    "EtcdWithoutLeader": {
        f'etcd_server_has_leader{{job="etcd",node="khartoum-{n}"}}': "0" for n in (1, 2, 3)
    },
    "EtcdMemberDown": {'up{job="etcd",node="khartoum-1"}': "0"},
    "EtcdNearQuota": {'etcd_mvcc_db_total_size_in_bytes{job="etcd",node="khartoum-1"}': "81"},
    "ApiServerDown": {'up{job="api-servers",instance="10.0.0.1:6443"}': "0"},
    "ApiServerErrors": {'apiserver_request_total{job="api-servers",code="500"}': "0+60x"},
    "ControlPlaneProgramDown": {'up{job="scheduler",node="khartoum-1"}': "0"},
    "ControlPlaneProgramAllDown": {
        f'up{{job="controller-manager",node="khartoum-{n}"}}': "0" for n in (1, 2, 3)
    },
    "PodsCannotBePlaced": {
        'scheduler_pending_pods{job="scheduler",node="khartoum-1",queue="unschedulable"}': "2"
    },
    "EdgeDown": {f'nginx_up{{job="edge",node="khartoum-{n}"}}': "0" for n in (1, 2, 3)},
    "EdgePodDown": {'up{job="edge",node="khartoum-1"}': "0"},
    "EdgeDropsConnections": {'nginx_connections_handled{job="edge",node="khartoum-1"}': "0+590x"},
    "NameServiceErrors": {'coredns_dns_responses_total{job="coredns",rcode="SERVFAIL"}': "0+60x"},
    "NothingWatched": {f'up{{job="nodes",node="khartoum-{n}"}}': "_x" for n in (1, 2, 3)},
    "PrometheusRuleFails": {
        'prometheus_rule_evaluation_failures_total{job="prometheus",pod="p-0"}': "0+1x",
    },
    "AlertsNotSent": {'alertmanager_notifications_failed_total{job="alertmanager",pod="a-0"}': "0+1x"},
    "TooManySeries": {'prometheus_tsdb_head_series{job="prometheus",pod="p-0"}': "400000"},
}
# What else is said, rightly, in a case.
BESIDE: dict[str, set[str]] = {
    "ControlPlaneProgramAllDown": {"ControlPlaneProgramDown"},
    "EdgeDown": {"EdgePodDown"},
    "ServiceDown": {"ServiceReduced"},
    "ServiceErrors": {"ServiceErrorBudgetBurns"},
}


def alerts() -> list[dict[str, Any]]:
    found = []
    for path in sorted(RULES.glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            found += [rule for rule in group["rules"] if "alert" in rule]
    return found


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
    if tool is None:
        pytest.skip("promtool is neither installed nor in a bundle (NILECARE_BUNDLE_SETS=monitoring)")
    file = tmp_path / "tests.yml"
    rules = [str(path) for path in sorted(RULES.glob("*.yml"))]
    file.write_text(yaml.safe_dump({"rule_files": rules, "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run(
        [str(tool), "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_case_severity_and_runbook() -> None:
    assert {rule["alert"] for rule in alerts()} == {*CASES, "Watchdog"}
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning", "none"), rule["alert"]
        page = ROOT / rule["annotations"]["runbook"]
        assert f"`{rule['alert']}`" in page.read_text(), f"{page} says nothing of {rule['alert']}"


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
