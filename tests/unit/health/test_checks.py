"""Judging: each kind of thing when it is well, and when it is not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.health import checks, judge, show
from ansible_collections.nilecare.platform.plugins.module_utils.health.checks import Check
from ansible_collections.nilecare.platform.plugins.module_utils.health.probes import Outcome
from ansible_collections.nilecare.platform.plugins.module_utils.report import sections

MEMBERS = {"1": "a", "2": "b", "3": "c"}


def member(**different: Any) -> dict[str, Any]:
    said = {"id": "1", "leader": "1", "version": "3.6.8", "size": 1, "errors": [], "learners": []}
    return {"etcd": {**said, "members": MEMBERS, **different}}


def node(name: str, ready: str = "True", **more: Any) -> dict[str, Any]:
    conditions = [
        {"type": "Ready", "status": ready, "message": "kubelet stopped posting"},
        *more.get("more", []),
    ]
    labels = {"node-role.kubernetes.io/control-plane": ""} if more.get("control_plane") else {}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"unschedulable": more.get("cordoned", False)},
        "status": {"conditions": conditions, "nodeInfo": {"kubeletVersion": more.get("version", "v1.36.3")}},
    }


def bad(found: list[Check]) -> dict[str, str]:
    return {check.subject: check.found for check in checks.unhealthy(found)}


def test_a_healthy_etcd() -> None:
    found = checks.etcd({name: member() for name in "abc"}, list("abc"))
    assert not bad(found)
    assert next(check for check in found if check.subject == "leader").found == "a"


@pytest.mark.parametrize(
    ("different", "subject"),
    [
        ({"error": "refused"}, "member on c"),
        ({"leader": "0"}, "member on c"),
        ({"leader": "2"}, "leader"),
        ({"errors": ["NOSPACE"]}, "member on c"),
        ({"members": {"1": "a", "2": "b", "4": "x"}}, "members"),
        ({"learners": ["c"]}, "learners"),
    ],
)
def test_an_unhealthy_etcd(different: dict[str, Any], subject: str) -> None:
    seen = {"a": member(), "b": member(), "c": member(**different)}
    assert subject in bad(checks.etcd(seen, list("abc")))


def test_a_member_on_a_machine_that_is_off() -> None:
    seen = judge.observations({"a": member(), "b": {"unreachable": True, "msg": "no route"}})
    assert bad(checks.etcd(seen, list("ab")))["member on b"] == "its machine does not answer"
    assert bad(checks.unreachable(seen)) == {"b": "unreachable: no route"}


def test_members_that_were_not_asked_are_not_judged() -> None:
    assert not bad(checks.etcd({"a": member()}, list("abc")))


def test_nodes() -> None:
    pressure = [{"type": "DiskPressure", "status": "True"}]
    found = checks.nodes([node("a"), node("b", "Unknown"), node("c", more=pressure), node("x")], list("abcd"))
    assert bad(found) == {
        "b": "NotReady: kubelet stopped posting",
        "c": "DiskPressure",
        "d": "is not in the cluster",
    }
    assert next(check for check in found if check.subject == "others").ok is None


def test_versions() -> None:
    pods = [{"spec": {"containers": [{"image": "registry.k8s.io/kube-proxy:v1.36.2"}]}}]
    found = checks.versions("v1.36.3", [node("a"), node("b", version="v1.35.4")], pods, "1.36.3")
    assert bad(found) == {"kubelet on b": "v1.35.4", "kube-proxy": "v1.36.2"}
    assert not bad(checks.versions("v1.36.3", [node("b", version="v1.35.4")], [], ""))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("registry.k8s.io/pause:3.10", ("registry.k8s.io/pause", "3.10")),
        ("mirror:5000/a/b:v1@sha256:00", ("mirror:5000/a/b", "v1")),
    ],
)
def test_images(image: str, expected: tuple[str, str]) -> None:
    assert checks.images([{"spec": {"containers": [{"image": image}]}}]) == [expected]


def test_workloads() -> None:
    meta = {"namespace": "kube-system", "name": "x"}
    daemons = {
        "kind": "DaemonSet",
        "metadata": meta,
        "status": {"desiredNumberScheduled": 6, "numberReady": 5},
    }
    deployment = {
        "kind": "Deployment",
        "metadata": meta,
        "spec": {"replicas": 2},
        "status": {"readyReplicas": 2},
    }
    assert bad(checks.workloads([daemons, deployment])) == {"DaemonSet kube-system/x": "5 ready"}


def test_certificates_and_clocks() -> None:
    seen: dict[str, dict[str, Any]] = {
        "a": {
            "certificates": [
                {"path": "x", "days": 29.9},
                {"path": "y", "days": 31},
                {"path": "z", "error": "gone"},
            ],
            "clock": {"server": "m", "offset": -1.2},
        },
        "b": {"certificates": [{"path": "x", "days": -3}], "clock": {"server": "m", "offset": 0.9}},
    }
    found = bad(checks.certificates(seen, 30))
    assert found == {"x on a": "30 days left", "z on a": "gone", "x on b": "expired 3 days ago"}
    assert bad(checks.clocks(seen, 1.0)) == {"a": "-1200.0 ms"}


def test_a_policy_that_stops_nothing_is_found() -> None:
    way = ("k", "o")
    assert bad(checks.denied({way: Outcome(True)}, {way: Outcome(True)}))
    assert not bad(checks.denied({way: Outcome(False, "TIMEOUT")}, {way: Outcome(True)}))


@pytest.mark.parametrize("open_way", [Outcome(False, "TIMEOUT"), Outcome(None, "not tried")])
def test_a_closed_way_proves_nothing_of_a_policy(open_way: Outcome) -> None:
    way = ("k", "o")
    (check,) = checks.denied({way: Outcome(False, "TIMEOUT")}, {way: open_way})
    assert check.ok is None


def test_a_worker_stands_in_for_its_site() -> None:
    sites = {"k1": "k", "k2": "k", "o1": "o", "o2": "o", "b1": "b"}
    nodes = [node("k1", control_plane=True), node("k2"), node("o1", control_plane=True), node("o2", "False")]
    nodes.append(node("b1", "Unknown"))
    assert judge.stand_ins(nodes, sites) == {"k": "k2", "o": "o1"}


def test_the_message_lists_everything_with_what_was_expected() -> None:
    found = [Check("nodes", "a", True, "Ready"), Check("time", "b", False, "2 s", "at most 1 s")]
    assert show.message(found).splitlines()[1:] == ["- time: b: 2 s; expected: at most 1 s"]
    assert "1 of 2 checks" in show.message(found)


def test_the_section_follows_the_reports_schema() -> None:
    found = [
        Check("pod network", "k to o", True, "connected"),
        Check("pod network", "o to k", False, "TIMEOUT"),
        Check("policy", "k to o, not allowed", None, "not judged"),
        Check("etcd", "leader", True, "a"),
    ]
    seen = {
        "a": {"clock": {"server": "m", "offset": -0.5}, "certificates": [{"path": "/x/y.crt", "days": 3}]}
    }
    section = sections.parse(show.section(found, seen, [("registry.k8s.io/pause", "3.10")]))
    assert section.state == "failed"
    assert [table.title for table in section.tables][:3] == [
        "Not as expected",
        "Not judged",
        "Pod to pod between the sites",
    ]
    assert section.facts["Etcd"].text == "1 of 1, leader a"
    assert section.charts[0].values == {"a: y.crt": 3.0}


def test_a_cluster_that_is_not_there_is_reported_in_time(tmp_path: Any) -> None:
    asked = {
        "kubeconfig": str(tmp_path / "kubeconfig"),
        "machines": {"a": {"unreachable": True, "msg": "off"}},
        "nodes": {"a": "k"},
        "control_planes": ["a"],
        "cluster": "lab",
        "certificate_days": 30,
        "time_offset": 1.0,
        "time_server": "",
        "api_timeout": 1,
        "monitoring": True,
        "monitoring_namespace": "monitoring",
    }
    judgement = judge.judge(asked)
    assert not judgement.healthy
    assert "API server: the cluster's endpoint" in judgement.message
    assert judgement.document["healthy"] is False
