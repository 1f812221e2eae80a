"""What Prometheus sees of a healthy platform, and by alert what is different when it must fire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "roles" / "monitoring" / "files" / "rules"

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
