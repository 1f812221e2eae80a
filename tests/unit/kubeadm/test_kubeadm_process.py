# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""kubeadm's running: one at a time, bounded, without secrets in words or on disk."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import process


def test_tokens_and_keys_are_masked() -> None:
    text = f"kubeadm join --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash sha256:{'ab' * 32}"
    assert (
        process.mask(text) == "kubeadm join --token ******** --discovery-token-ca-cert-hash sha256:********"
    )


def test_the_last_lines_are_told() -> None:
    with pytest.raises(process.FailedError, match="code 3") as error:
        process.run([sys.executable, "-c", "print('x\\n' * 60 + 'why'); exit(3)"], 10)
    assert "why" in str(error.value)
    assert len(str(error.value).splitlines()) <= 41


def test_what_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    script = f"(sleep 1; touch {tmp_path}/late) & sleep 300"
    began = time.monotonic()
    with pytest.raises(process.FailedError, match="ended after"):
        process.run(["sh", "-c", script], 0.2)
    assert time.monotonic() - began < 300, "ended, not waited for"
    time.sleep(1.2)
    assert not (tmp_path / "late").exists()


def test_a_child_of_a_killed_run_keeps_the_lock(tmp_path: Path) -> None:
    with process.lock(0, tmp_path) as descriptor:
        child = subprocess.Popen(["sleep", "2"], pass_fds=[descriptor])
    with pytest.raises(process.BusyError), process.lock(0.2, tmp_path):
        pass
    child.kill()
    child.wait()
    with process.lock(1, tmp_path):
        pass


def test_looking_leaves_no_trace_where_no_kubeadm_ever_ran(tmp_path: Path) -> None:
    process.wait_for_others(0, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_secrets_are_private_and_gone_afterwards_also_those_of_killed_runs(tmp_path: Path) -> None:
    (tmp_path / "kubeadm-left").mkdir()
    (tmp_path / "kubeadm-left/join.yaml").write_text("secret")
    with process.secret_directory(tmp_path) as directory:
        path = directory / "join.yaml"
        process.write_documents(path, [{"a": 1}, {"b": 2}])
        assert path.stat().st_mode & 0o777 == 0o600
        assert directory.stat().st_mode & 0o777 == 0o700
        assert [json.loads(text) for text in path.read_text().split("---")] == [{"a": 1}, {"b": 2}]
        assert not (tmp_path / "kubeadm-left").exists()
    assert list(tmp_path.iterdir()) == []
