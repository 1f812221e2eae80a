"""Runs are killed on the way from bare machines to a cluster; the next one converges."""

from __future__ import annotations

import pytest

from .harness import NODES, Lab, until


def running(lab: Lab, machine: str, pattern: str) -> bool:
    return lab.machine(machine, "pgrep", "-f", pattern).returncode == 0


@pytest.fixture(scope="module", autouse=True)
def bare(lab: Lab) -> None:
    """Machines as new: a reset leaves Debian's packages where they are."""
    lab.run("lab", "-e", "lab_state=absent").expect_success()
    lab.run("lab").expect_success()


@pytest.mark.parametrize(
    ("moment", "machine", "pattern"),
    [
        ("packages are being installed", "khartoum-2", "[d]pkg --"),
        ("the first control plane is being made", "khartoum-1", "[k]ubeadm init"),
        # All join at the same time, and a worker is through first.
        ("a worker is joining", "khartoum-2", "[k]ubeadm join"),
        ("a control plane is joining", "omdurman-1", "[k]ubeadm join"),
    ],
)
def test_a_run_is_killed(lab: Lab, moment: str, machine: str, pattern: str) -> None:
    print(f"\n-- site.yml, killed while {moment}", flush=True)
    lab.start("site").kill_when(lambda: running(lab, machine, pattern), moment)
    # On the machines too: what the run had begun would come to its end by itself.
    for node in NODES:
        lab.machine(node, "pkill", "-KILL", "-x", "kubeadm")


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
        assert lab.ready_nodes() == [node for node in NODES if node != "bahri-2"]


def test_the_next_run_converges(lab: Lab) -> None:
    lab.run("site", "--skip-tags", "services,edge").expect_success()
    until(lambda: lab.ready_nodes() == NODES, 60, "six nodes are Ready")
    lab.run("health").expect_success()
