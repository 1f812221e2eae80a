# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every fault of a machine is found, and a good machine has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import Settings
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.judge import judge_machines
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.machines import (
    clock_is_doubtful,
    missing_hosts,
)

from tests.unit.preflight.builders import CA, SETTINGS, Draft, all_facts, member


def findings(settings: Settings = SETTINGS, /, **changes: dict[str, Any]) -> list[Finding]:
    inventory = Draft().build()
    return judge_machines(inventory, settings, all_facts(inventory, **changes))


UNREACHABLE = {"reachable": False, "error": "Connection refused"}


def listener(port: int, process: str, pid: int = 77) -> dict[str, Any]:
    return {"listeners": [{"address": "0.0.0.0", "port": port, "process": process, "pid": pid}]}


def test_good_machines_have_no_fault() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("host", "change", "key", "message"),
    [
        ("bahri_2", {"distribution": "fedora", "version": "42"}, "operating system", "fedora 42"),
        ("bahri_2", {"version": "11"}, "operating system", "debian 11 is not supported"),
        ("bahri_2", {"architecture": "aarch64"}, "architecture", "aarch64 is not supported"),
        ("bahri_2", {"root": False}, "ansible_become", "do not run as root"),
        ("bahri_2", {"memory": 3699}, "memory", "3699 MiB are too little"),
        ("bahri_2", {"cpus": 1}, "cpus", "1 CPUs are too little"),
        ("bahri_2", {"disk_free": 39.9}, "disk", "39.9 GiB are free below /var/lib"),
        ("bahri_2", {"clock": {"low": 5.1, "high": 5.6}}, "clock", "is 5.1 s ahead of"),
        ("bahri_2", {"clock": {"low": -9.0, "high": -5.2}}, "clock", "is 5.2 s behind"),
        ("bahri_2", UNREACHABLE, "connection", "unreachable: Connection refused"),
        ("bahri_2", {"error": "/usr/bin/python3: not found", "fault": "python"}, "python", "not found"),
        ("bahri_2", {"error": "Missing sudo password", "fault": "become"}, "become", "Missing sudo password"),
        ("bahri_1", listener(6443, "nginx"), "port 6443/tcp", "0.0.0.0 by nginx (pid 77)"),
        ("bahri_1", listener(6443, "", 0), "port 6443/tcp", "by an unknown process"),
        ("mirror_1", listener(5000, "docker-proxy"), "port 5000/tcp", "docker-proxy"),
        ("bahri_2", {"machine_id": "id of bahri-1"}, "/etc/machine-id", "same as that of bahri-1"),
        (
            "bahri_2",
            member(ca="d" * 64, cluster=""),
            "cluster membership",
            "another cluster (CA dddddddddddd)",
        ),
    ],
)
def test_each_fault_is_found(host: str, change: dict[str, Any], key: str, message: str) -> None:
    found = findings(SETTINGS, **{host: change})
    assert [(one.host, one.key) for one in found] == [(host.replace("_", "-"), key)]
    assert message in found[0].message
    assert found[0].expected


@pytest.mark.parametrize(
    ("host", "change"),
    [
        ("bahri_1", listener(6443, "kube-apiserver")),
        ("bahri_1", listener(10257, "kube-controller")),  # the kernel keeps 15 characters of a command's name
        ("bahri_2", listener(6443, "nginx")),  # a worker needs no port 6443
        ("bahri_2", {"clock": {"low": -9.0, "high": 0.1}}),  # a slow answer is no wrong clock
        ("bahri_2", {"disk_free": 3.0, **member(kubelet="1.36.3", api_server="", cluster="")}),
    ],
)
def test_what_belongs_there_is_no_fault(host: str, change: dict[str, Any]) -> None:
    assert findings(replace(SETTINGS, known_ca=CA), **{**planes(), host: {**member(), **change}}) == []


@pytest.mark.parametrize(
    ("low", "high", "doubtful"),
    [
        (-0.1, 0.2, False),
        (-0.1, 30.0, False),  # the connection took long, the answer did not: the clock is right
        (-9.0, 0.2, True),
        (-9.0, -6.0, False),  # certainly behind
        (2.0, 9.0, True),
        (6.0, 9.0, False),  # certainly ahead
    ],
)
def test_a_slow_answer_is_told_from_a_wrong_clock(low: float, high: float, doubtful: bool) -> None:
    assert clock_is_doubtful({"low": low, "high": high}, 5.0) is doubtful


def test_all_unreachable_hosts_are_named() -> None:
    found = findings(bahri_1=UNREACHABLE, bahri_2=UNREACHABLE, mirror_1=UNREACHABLE)
    assert {one.host for one in found} == {"bahri-1", "bahri-2", "mirror-1"}


def test_an_unreachable_host_that_may_be_missing_is_left_out() -> None:
    settings = replace(SETTINGS, allow_missing=["bahri-2", "omdurman-2", "mirror-1"])
    inventory = Draft().build()
    measured = all_facts(inventory, bahri_2=UNREACHABLE, mirror_1=UNREACHABLE)
    assert missing_hosts(inventory, settings, measured) == ["bahri-2"]
    assert {one.host for one in judge_machines(inventory, settings, measured)} == {"mirror-1"}


def planes(**change: Any) -> dict[str, dict[str, Any]]:
    return {name: member(**change) for name in ("khartoum_1", "omdurman_1", "bahri_1")}


def test_members_of_the_cluster_that_the_kubeconfig_trusts_are_ours() -> None:
    assert findings(replace(SETTINGS, known_ca=CA), **planes()) == []


def test_a_killed_run_left_no_kubeconfig_but_control_planes_of_our_name() -> None:
    assert findings(khartoum_1=member(), bahri_2=member(api_server="", cluster="")) == []


def test_a_stale_kubeconfig_does_not_disown_a_new_cluster_of_our_name() -> None:
    assert findings(replace(SETTINGS, known_ca="d" * 64), **planes()) == []


def test_all_machines_of_another_cluster_are_found() -> None:
    found = findings(SETTINGS, **planes(cluster="production"))
    assert {one.host for one in found} == {"khartoum-1", "omdurman-1", "bahri-1"}
    assert "belongs to cluster production" in found[0].message


def test_a_stranger_among_ours_is_found_without_a_kubeconfig_too() -> None:
    found = findings(SETTINGS, **{**planes(), "bahri_1": member(ca="d" * 64)})
    assert {one.host for one in found} == {
        "khartoum-1",
        "omdurman-1",
        "bahri-1",
    }  # nobody can say which are ours
    found = findings(replace(SETTINGS, known_ca=CA), **{**planes(), "bahri_1": member(ca="d" * 64)})
    assert {one.host for one in found} == {"bahri-1"}


def test_a_run_limited_to_a_worker_trusts_the_kubeconfig_only() -> None:
    inventory = Draft().build()
    measured = {"bahri-2": all_facts(inventory, bahri_2=member(cluster="", api_server=""))["bahri-2"]}
    assert judge_machines(inventory, replace(SETTINGS, known_ca=CA), measured) == []
    assert judge_machines(inventory, SETTINGS, measured)
    assert judge_machines(inventory, replace(SETTINGS, known_ca="d" * 64), measured)


@pytest.mark.parametrize(
    ("installed", "wanted", "message"),
    [
        ("1.34.4", "1.36.3", "more than 1 minor version at once"),
        ("1.36.3", "1.36.2", "downgrade"),
        ("1.37.0", "1.36.3", "downgrade"),
        ("1.36.3", "2.0.0", "more than 1 minor version at once"),
    ],
)
def test_forbidden_version_skews_are_found(installed: str, wanted: str, message: str) -> None:
    settings = replace(SETTINGS, kubernetes_version=wanted, known_ca=CA)
    found = findings(settings, **planes(api_server=installed))
    assert len(found) == 3
    assert message in found[0].message
    assert found[0].key == "kubernetes_version"


@pytest.mark.parametrize(
    ("installed", "wanted"), [("1.35.4", "1.36.3"), ("1.36.2", "1.36.3"), ("1.36.3", "1.36.3")]
)
def test_allowed_version_steps_are_no_fault(installed: str, wanted: str) -> None:
    settings = replace(SETTINGS, kubernetes_version=wanted, known_ca=CA)
    assert findings(settings, **planes(api_server=installed)) == []


def test_a_kubelet_may_be_three_minor_versions_old_but_not_four() -> None:
    settings = replace(SETTINGS, known_ca=CA)
    worker = {"cluster": "", "api_server": ""}
    assert findings(settings, **planes(), bahri_2=member(kubelet="1.33.0", **worker)) == []
    assert findings(settings, **planes(), bahri_2=member(kubelet="1.32.9", **worker))


def test_a_version_that_is_none_is_found() -> None:
    assert findings(replace(SETTINGS, kubernetes_version="latest"))
