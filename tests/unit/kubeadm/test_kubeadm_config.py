# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The documents for kubeadm: golden files for the whole, and what security asks of them one by one.

After a wanted change, write the golden files anew: UPDATE_GOLDEN=1 pytest tests/unit/kubeadm
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.nilecare.platform.plugins.filter.kubeadm import FilterModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import config

GOLDEN = Path(__file__).parent / "golden"
ROLES = Path(__file__).parents[3] / "roles"
CLUSTER: dict[str, Any] = {
    "name": "nilecare",
    "version": "1.36.3",
    "endpoint": "api.nilecare.internal:7443",
    "pod_network": "10.244.0.0/16",
    "service_network": "10.96.0.0/16",
    "domain": "cluster.local",
    "node_prefix": 24,
    "certificate_names": ["api.nilecare.internal", "127.0.0.1", "10.77.1.11", "127.0.0.1"],
    "audit": {"days": 30, "backups": 10, "megabytes": 100},
    "api_server": {"event-ttl": "2h", "profiling": "true"},
    "controller_manager": {},
    "scheduler": {},
    "etcd": {"heartbeat-interval": 200},
}
NODE: dict[str, Any] = {
    "name": "k1",
    "address": "10.77.1.11",
    "port": 6443,
    "ignored_errors": ["Mem"],
    "timeout": 240,
}


def arguments(component: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in component["extraArgs"]}


def golden(name: str, document: Any) -> None:
    path = GOLDEN / f"{name}.yaml"
    text = yaml.safe_dump(document, width=200)
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text, f"{path.name} differs; if that is wanted, see the top of this file"


DOCUMENTS = {
    "init": lambda: config.init_documents(
        cluster=config.cluster_configuration(**CLUSTER), kube_proxy={"mode": "iptables"}, **NODE
    ),
    "join-control-plane": lambda: config.join_document(control_plane=True, **NODE),
    "join-worker": lambda: config.join_document(control_plane=False, **NODE),
    "kubelet": lambda: config.kubelet_configuration({"maxPods": 110, "eventRecordQPS": None}),
    "authentication": config.authentication_configuration,
    "encryption": lambda: config.encryption_configuration("a2V5"),
    "audit-policy": config.audit_policy,
}


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_documents_are_as_recorded(name: str) -> None:
    golden(name, DOCUMENTS[name]())


def test_given_arguments_take_the_place_of_ours_and_all_are_text() -> None:
    server = arguments(config.cluster_configuration(**CLUSTER)["apiServer"])
    assert server["event-ttl"] == "2h"
    assert server["profiling"] == "true"
    assert all(isinstance(value, str) for value in server.values())


def test_the_api_server_is_told_who_may_be_anonymous_once() -> None:
    server = arguments(config.cluster_configuration(**CLUSTER)["apiServer"])
    assert "authentication-config" in server
    assert "anonymous-auth" not in server
    paths = config.authentication_configuration()["anonymous"]["conditions"]
    assert {each["path"] for each in paths} == {"/livez", "/readyz", "/healthz"}


def test_profiling_is_off_and_tls_is_1_2_at_least_everywhere() -> None:
    cluster = config.cluster_configuration(**{**CLUSTER, "api_server": {}})
    for part in ("apiServer", "controllerManager", "scheduler"):
        assert arguments(cluster[part])["profiling"] == "false"
        assert arguments(cluster[part])["tls-min-version"] == "VersionTLS12"
    assert arguments(cluster["etcd"]["local"])["tls-min-version"] == "TLS1.2"
    assert config.kubelet_configuration({})["tlsMinVersion"] == "VersionTLS12"


def test_secrets_are_encrypted_before_identity_is_tried() -> None:
    providers = config.encryption_configuration("a2V5")["resources"][0]["providers"]
    assert list(providers[0]) == ["secretbox"]


def test_no_content_of_secrets_is_audited() -> None:
    for rule in config.audit_policy()["rules"]:
        names = [name for group in rule.get("resources", []) for name in group.get("resources", [])]
        if "secrets" in names:
            assert rule["level"] == "Metadata"
            return
        assert rule["level"] == "None", "a rule before the one for secrets could see them"


def test_no_credentials_in_a_join_document() -> None:
    assert config.join_document(control_plane=True, **NODE)["discovery"] == {}


def test_a_wrong_setting_is_named() -> None:
    render = FilterModule().filters()["kubeadm_join_document"]
    with pytest.raises(Exception, match="join_document"):
        render({"name": "k1"})


def template(role: str, name: str, **variables: Any) -> str:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    source = (ROLES / role / "templates" / name).read_text()
    return environment.from_string(source).render(**variables)


def test_the_proxy_knows_every_api_server_and_listens_where_it_is_told() -> None:
    text = template(
        "api_endpoint",
        "haproxy.cfg.j2",
        api_endpoint_bind_addresses=["127.0.0.1", "10.77.0.10"],
        api_endpoint_port=7443,
        api_server_port=6443,
        api_endpoint_check_interval=2000,
        api_endpoint_check_failures=4,
        api_endpoint_max_connections=1000,
        groups={"control_plane": ["k1", "o1"]},
        hostvars={"k1": {"ansible_host": "10.77.1.11"}, "o1": {"ansible_host": "10.77.2.11"}},
    )
    lines = [line.strip() for line in text.splitlines()]
    assert [line for line in lines if line.startswith("bind")] == [
        "bind 127.0.0.1:7443",
        "bind 10.77.0.10:7443",
    ]
    assert [line for line in lines if line.startswith("server ")] == [
        "server k1 10.77.1.11:6443",
        "server o1 10.77.2.11:6443",
    ]
    assert "option httpchk GET /readyz" in lines


def test_the_kubelet_reads_our_drop_in_and_waits_for_a_cluster() -> None:
    text = template(
        "kubernetes_node",
        "kubelet.service.j2",
        kubernetes_node_directory="/etc/kubernetes/kubelet.conf.d",
        ansible_host="10.77.1.11",
    )
    assert "--config-dir=/etc/kubernetes/kubelet.conf.d" in text
    assert "--node-ip=10.77.1.11" in text
    assert "ConditionPathExists=/var/lib/kubelet/config.yaml" in text
