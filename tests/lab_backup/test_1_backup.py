"""Backups of the cluster's state on machines: timers, one for all, verified, restored."""

from __future__ import annotations

from typing import Any

from tests.lab.harness import CONTROL_PLANES, Lab, Ran, until

STORE_PARTS = "8080|8888|9333|18080|18888|19333|18334|8334"
"""Ports of SeaweedFS that know no password."""


def backups(ran: Ran) -> dict[str, Any]:
    """The report's section."""
    (section,) = [section for section in ran.report["sections"] if section["title"] == "Backups"]
    return dict(section)


def restore(lab: Lab, *more: str) -> Ran:
    return lab.run("restore", "--limit", "etcd", "-e", "backup=newest", *more)


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    assert lab.run("backup_schedule").expect_success().changed == []


def test_the_store_is_reached_at_its_s3_interface_only(lab: Lab) -> None:
    listening = lab.machine(
        "mirror-1", "sh", "-c", f"ss -Hltn | grep -E ':({STORE_PARTS}) ' | grep -v 127.0.0.1"
    )
    assert listening.stdout == ""
    assert lab.machine("mirror-1", "systemctl", "is-active", "nilecare-backup-store").stdout == "active\n"


def test_the_first_timer_takes_a_backup_and_the_others_see_it(lab: Lab) -> None:
    said = []
    for name in CONTROL_PLANES:
        assert lab.machine(name, "systemctl", "is-active", "nilecare-etcd-backup.timer").stdout == "active\n"
        ran = lab.machine(name, "systemctl", "start", "nilecare-etcd-backup.service", timeout=300)
        assert ran.returncode == 0, ran.stderr
        journal = lab.machine(
            name, "journalctl", "-u", "nilecare-etcd-backup.service", "-o", "cat", "--no-pager"
        )
        said.append(journal.stdout)
    assert "keys" in said[0]
    assert all("another control plane" in text for text in said[1:])


def test_no_machine_has_the_identity(lab: Lab) -> None:
    for name in [*CONTROL_PLANES, "mirror-1"]:
        found = lab.machine(
            name, "grep", "-rlE", "AGE-SECRET-KEY-1[A-Z0-9]{58}", "/etc", "/var/lib/nilecare", "/root"
        )
        assert found.stdout == ""


def test_a_backup_is_taken_verified_and_restored(lab: Lab) -> None:
    for number in range(20):
        lab.kubectl("create", "configmap", f"before-{number}", f"--from-literal=number={number}")
    pods = {pod["metadata"]["uid"] for pod in lab.get("pods", "-n", "kube-system")["items"]}
    assert backups(lab.run("backup").expect_success())["state"] == "ok"
    assert backups(lab.run("backup_verify").expect_success())["state"] == "ok"

    lab.kubectl("delete", "configmap", "before-3")
    lab.kubectl("create", "configmap", "later", "--from-literal=a=b")
    assert "Nothing was changed" in restore(lab).text
    assert restore(lab, "-e", f"confirm={lab.name}", "--check").expect_success().code == 0
    assert lab.kubectl("get", "configmap", "later", "-o", "name") == "configmap/later\n"

    ran = restore(lab, "-e", f"confirm={lab.name}").expect_success()
    print(f"   restored in {ran.seconds:.0f} s")
    names = {item["metadata"]["name"] for item in lab.get("configmaps")["items"]}
    assert {f"before-{number}" for number in range(20)} <= names
    assert "later" not in names
    until(lambda: lab.ready_nodes() == CONTROL_PLANES, 120, "all nodes Ready")
    now = {pod["metadata"]["uid"] for pod in lab.get("pods", "-n", "kube-system")["items"]}
    # The other pods went on; those of the control planes are the kubelets' own.
    assert len(pods & now) >= len(pods) - 12
    lab.run("health").expect_success()
    assert backups(lab.run("backup").expect_success())["state"] == "ok"


def test_an_altered_object_is_found(lab: Lab) -> None:
    """The newest one, altered where it lies: SeaweedFS keeps small pieces in files of many."""
    script = (
        "import pathlib\n"
        "for p in pathlib.Path('/var/lib/private/nilecare-backup-store').glob('*.dat'):\n"
        "    p.write_bytes(p.read_bytes().replace(b'age-encryption.org/v1', b'age-encryption.org/v2'))\n"
    )
    done = lab.machine("mirror-1", "python3", "-c", script)
    assert done.returncode == 0, done.stderr
    ran = lab.run("backup_verify")
    assert ran.code != 0
    assert backups(ran)["state"] == "failed"
