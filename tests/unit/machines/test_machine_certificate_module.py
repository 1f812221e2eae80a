# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module as Ansible runs it: what it writes, when it refuses, and that check mode leaves no trace."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nilecare.platform.plugins.modules import certificate


def run(capsys: pytest.CaptureFixture[str], check: bool = False, **arguments: Any) -> dict[str, Any]:
    """Run the module; return its answer."""
    with (
        patch_module_args({**arguments, "_ansible_check_mode": check}),
        pytest.raises(SystemExit),
    ):
        certificate.main()
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def authority(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "certificate_path": str(folder / "ca/ca.crt"),
        "private_key_path": str(folder / "ca/ca.key"),
        "common_name": "test",
        "days": 3650,
        "renew_days": 0,
        **more,
    }


def server(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "certificate_path": str(folder / "hosts/m.crt"),
        "private_key_path": str(folder / "hosts/m.key"),
        "common_name": "mirror",
        "names": ["mirror", "10.0.0.1"],
        "authority_certificate": str(folder / "ca/ca.crt"),
        "authority_private_key": str(folder / "ca/ca.key"),
        **more,
    }


def test_made_once_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, **authority(tmp_path))["changed"]
    assert stat.S_IMODE((tmp_path / "ca/ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "ca").stat().st_mode) == 0o700
    first = run(capsys, **server(tmp_path))
    assert first["changed"] and "PRIVATE KEY" in first["private_key"]
    again = run(capsys, **server(tmp_path))
    assert not again["changed"] and again["certificate"] == first["certificate"]
    assert not run(capsys, **authority(tmp_path))["changed"]


def test_authority_never_gives_its_key_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, **authority(tmp_path))["private_key"] == ""


def test_check_mode_from_nothing_goes_through_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, check=True, **authority(tmp_path))["changed"]
    assert "CERTIFICATE" in run(capsys, check=True, **server(tmp_path))["certificate"]
    assert list(tmp_path.iterdir()) == []


def test_new_name_is_a_new_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, **authority(tmp_path))
    run(capsys, **server(tmp_path))
    answer = run(capsys, **server(tmp_path, names=["mirror", "10.0.0.2"]))
    assert answer["changed"] and answer["reason"] == "its names are others"


def test_damaged_authority_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, **authority(tmp_path))
    before = (tmp_path / "ca/ca.crt").read_text()
    (tmp_path / "ca/ca.key").unlink()
    answer = run(capsys, **authority(tmp_path))
    assert answer["failed"] and "restore both files" in answer["msg"]
    assert (tmp_path / "ca/ca.crt").read_text() == before
    assert not (tmp_path / "ca/ca.key").exists()


def test_server_certificate_without_an_authority(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run(capsys, **server(tmp_path))
    assert answer["failed"] and "there is no authority" in answer["msg"]


def test_given_authority_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, **authority(tmp_path / "hospital"))
    given = {
        "given_certificate": (tmp_path / "hospital/ca/ca.crt").read_text(),
        "given_private_key": (tmp_path / "hospital/ca/ca.key").read_text(),
    }
    assert run(capsys, **authority(tmp_path, **given))["changed"]
    assert not run(capsys, **authority(tmp_path, **given))["changed"]
    assert (tmp_path / "ca/ca.crt").read_text() == given["given_certificate"]


def test_half_of_a_given_authority(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run(capsys, **authority(tmp_path, given_private_key="x"))
    assert answer["failed"] and "both or none" in answer["msg"]
