"""From bare machines to a cluster, whatever happens on the way."""

from __future__ import annotations

import pytest

from .harness import Lab, until

CONTROL_PLANES = ["bahri-1", "khartoum-1", "omdurman-1"]
WORKERS = ["bahri-2", "khartoum-2", "omdurman-2"]
MACHINES = [*CONTROL_PLANES, *WORKERS, "mirror-1"]


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


def running(lab: Lab, machine: str, pattern: str) -> bool:
    return lab.machine(machine, "pgrep", "-f", pattern).returncode == 0


@pytest.mark.parametrize(
    ("moment", "machine", "pattern"),
    [
        ("packages are being installed", "khartoum-2", "[d]pkg --"),
        ("the first control plane is being made", "khartoum-1", "[k]ubeadm init"),
        ("a control plane is joining", "omdurman-1", "[k]ubeadm join"),
        ("a worker is joining", "khartoum-2", "[k]ubeadm join"),
    ],
)
def test_a_run_is_killed(lab: Lab, moment: str, machine: str, pattern: str) -> None:
    print(f"\n-- site.yml, killed while {moment}", flush=True)
    lab.start("site").kill_when(lambda: running(lab, machine, pattern), moment)


def test_a_run_is_killed_while_calico_is_being_applied(lab: Lab) -> None:
    def half_applied() -> bool:
        found = lab.machine(
            "khartoum-1", "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf",
            "get", "--namespace", "kube-system", "serviceaccount", "calico-node",
        )  # fmt: skip
        return found.returncode == 0

    lab.start("site").kill_when(half_applied, "Calico is being applied")


def test_one_worker_may_be_missing_if_the_inventory_says_so(lab: Lab) -> None:
    with lab.powered_off("bahri-2"):
        # Services deployed now would stay in two sites; the next run deploys them.
        missing = ["-e", '{"cluster_allow_missing_hosts": ["bahri-2"]}', "--skip-tags", "services,edge"]
        ran = lab.run("site", *missing).expect_success()
        assert "bahri-2" in ran.report["missing"]
        assert sorted(lab.ready_nodes()) == sorted([*CONTROL_PLANES, "khartoum-2", "omdurman-2"])


def test_the_next_run_converges(lab: Lab) -> None:
    ran = lab.run("site").expect_success()
    until(lambda: sorted(lab.ready_nodes()) == sorted(CONTROL_PLANES + WORKERS), 60, "six nodes are Ready")
    assert ran.report["result"] == "ok"


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    ran = lab.run("site").expect_success()
    assert ran.changed == []
    on_a_worker = [task for task, host in ran.steps() if host == "bahri-2"]
    assert len(on_a_worker) <= 40, on_a_worker


def test_check_mode_lists_nothing_on_a_finished_cluster(lab: Lab) -> None:
    assert lab.run("site", "--check").expect_success().changed == []
