# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes when a machine becomes bare, and what stays."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import bare


@pytest.mark.parametrize(
    "command, cgroup, theirs",
    [
        ("containerd-shim", "0::/system.slice/containerd.service\n", True),
        ("kube-apiserver", "4:pids:/kubepods/burstable/pod1/abc\n", True),
        ("nginx", "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-a.scope\n", True),
        ("sshd", "0::/system.slice/ssh.service\n", False),
        ("containerd", "0::/system.slice/containerd.service\n", False),
    ],
)
def test_processes_of_pods(command: str, cgroup: str, theirs: bool) -> None:
    assert bare.is_container(command, cgroup) is theirs


def test_what_is_left_of_pods_is_ended_and_its_end_awaited(tmp_path: Path) -> None:
    shim = shutil.copy("/bin/sleep", tmp_path / "containerd-shim")
    with subprocess.Popen([shim, "600"]) as pod, subprocess.Popen(["/bin/sleep", "600"]) as other:
        processes = tmp_path / "proc"
        processes.mkdir()
        for process in (pod, other):
            (processes / str(process.pid)).symlink_to(f"/proc/{process.pid}")
        expected = [f"process {pod.pid} (containerd-shim)"]
        assert bare.end_containers(True, processes) == expected
        assert pod.poll() is None
        assert bare.end_containers(False, processes) == expected
        assert pod.wait(0.1) == -signal.SIGKILL
        assert bare.end_containers(False, processes) == []
        assert other.poll() is None
        other.kill()


def test_mounts_are_found_deepest_first(tmp_path: Path) -> None:
    where = ("/run/containerd/a", "/run/containerd/a/b", "/run/containerd2")
    (tmp_path / "mounts").write_text("".join(f"tmpfs {path} tmpfs rw 0 0\n" for path in where))
    found = bare.unmount(["/run/containerd"], True, tmp_path / "mounts")
    assert found == ["mount /run/containerd/a", "mount /run/containerd/a/b"]


def test_patterns_are_of_the_last_part_and_others_stay(tmp_path: Path) -> None:
    for name in ("bin/kubelet", "bin/kubectl", "bin/other", "etc/deep/a/b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "bin/kubelink").symlink_to("/nowhere")
    paths = ["/bin/kube*", "/etc/deep", "/not/there"]
    would = bare.remove_paths(paths, tmp_path, dry_run=True)
    assert len(would) == 4
    assert (tmp_path / "bin/kubelet").exists()
    assert bare.remove_paths(paths, tmp_path, dry_run=False) == would
    assert bare.remove_paths(paths, tmp_path, dry_run=False) == []
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"other"}
