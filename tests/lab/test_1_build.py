"""From bare machines to the platform, and nothing to do afterwards."""

from __future__ import annotations

from .harness import MACHINES, NODES, Lab, until


def test_machines_have_no_way_out(lab: Lab) -> None:
    for machine in MACHINES:
        assert lab.machine(machine, "ip", "route", "show", "default").stdout == ""


def test_check_mode_runs_from_bare_metal_to_its_end(lab: Lab) -> None:
    ran = lab.run("site", "--check").expect_success()
    assert {host for _task, host in ran.changed} >= set(MACHINES)
    for machine in MACHINES:
        assert lab.machine(machine, "test", "-e", "/etc/containerd").returncode != 0
    assert not (lab.state / "kubeconfig").exists()


def test_an_unreachable_worker_stops_the_run_before_anything_is_changed(lab: Lab) -> None:
    with lab.powered_off("bahri-2"):
        ran = lab.run("site")
    assert ran.code != 0
    assert "bahri-2" in ran.text and "unreachable" in ran.text
    assert ran.changed == []


def test_one_run_builds_the_platform(lab: Lab) -> None:
    ran = lab.run("site").expect_success()
    until(lambda: lab.ready_nodes() == NODES, 60, "six nodes are Ready")
    assert ran.report["result"] == "ok"


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    ran = lab.run("site").expect_success()
    assert ran.changed == []
    on_a_worker = [task for task, host in ran.steps() if host == "bahri-2"]
    assert len(on_a_worker) <= 40, on_a_worker


def test_check_mode_lists_nothing_on_a_finished_cluster(lab: Lab) -> None:
    assert lab.run("site", "--check").expect_success().changed == []
