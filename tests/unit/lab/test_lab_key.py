"""The key pair of a lab."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nilecare.platform.plugins.modules import lab_key

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module and return its answer."""

    def run_module(path: Path, check: bool = False) -> dict[str, Any]:
        with patch_module_args({"path": str(path), "_ansible_check_mode": check}), pytest.raises(SystemExit):
            lab_key.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run_module


def test_a_key_is_made_once(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "state" / "ssh" / "id_ed25519"
    first = run(path)
    assert first["changed"] and first["public_key"].startswith("ssh-ed25519 ")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert run(path) == {**first, "changed": False}


def test_check_mode_makes_nothing(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "state" / "id_ed25519"
    result = run(path, check=True)
    assert result["changed"] and result["public_key"] == ""
    assert not path.parent.exists()


def test_a_lost_public_key_is_made_again(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    key = run(path)["public_key"]
    path.with_name("id_ed25519.pub").unlink()
    assert run(path)["public_key"] == key
    assert path.with_name("id_ed25519.pub").read_text() == f"{key}\n"


def test_a_file_that_is_no_key_is_said(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    path.write_text("nonsense")
    path.chmod(0o600)
    result = run(path)
    assert result["failed"] and str(path) in result["msg"]
