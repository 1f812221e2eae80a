# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A certificate authority comes into the trust store once, and leaves it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.machines import trust
from ansible_collections.nilecare.platform.plugins.module_utils.machines.state import Machine, StateError

PEM = "-----BEGIN CERTIFICATE-----\nbmlsZQ==\n-----END CERTIFICATE-----\n"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Calls of update-ca-certificates, which makes the store of what lies in the folder."""
    monkeypatch.setattr(trust, "SOURCES", tmp_path)
    monkeypatch.setattr(trust, "STORE", tmp_path / "store")
    return []


def machine(calls: list[list[str]], check_mode: bool = False) -> Machine:
    def run(command: list[str], **_more: object) -> tuple[int, str, str]:
        calls.append(command)
        trust.STORE.write_text("".join(p.read_text() for p in trust.SOURCES.glob("*.crt")))
        return 0, "", ""

    return Machine(run, check_mode)


def test_it_comes_once_and_leaves_once(calls: list[list[str]]) -> None:
    assert trust.ensure(machine(calls), "nilecare", PEM).lines
    assert not trust.ensure(machine(calls), "nilecare", PEM).lines
    assert PEM in trust.STORE.read_text()
    assert trust.ensure(machine(calls), "nilecare", state="absent").lines
    assert not trust.ensure(machine(calls), "nilecare", state="absent").lines
    assert PEM not in trust.STORE.read_text()
    assert calls == [["update-ca-certificates"], ["update-ca-certificates", "--fresh"]]


def test_check_mode_says_so_and_touches_nothing(calls: list[list[str]]) -> None:
    assert trust.ensure(machine(calls, check_mode=True), "nilecare", "").lines
    assert list(trust.SOURCES.iterdir()) == calls == []


def test_what_is_no_certificate_is_refused(calls: list[list[str]]) -> None:
    with pytest.raises(StateError, match="nothing was changed"):
        trust.ensure(machine(calls), "nilecare", "nonsense")
