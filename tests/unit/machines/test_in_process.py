# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module gives the same result in the controller's process as in one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.quiet import QuietModule
from ansible_collections.nilecare.platform.plugins.modules import files
from ansible_collections.nilecare.platform.plugins.plugin_utils.in_process import call

ROOT = Path(__file__).parents[3]


def in_process(**arguments: Any) -> dict[str, Any]:
    return call(files.main, vars(files), arguments)


def apart(**arguments: Any) -> dict[str, Any]:
    """The module as a machine runs it."""
    done = subprocess.run(
        [sys.executable, "-m", files.__name__],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env={"PYTHONPATH": str(ROOT / ".collections"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(
    "wish",
    [
        {"content": "open"},
        {"content": "seldom-word", "show_diff": False},
        {"mode": "0999"},
        {"state": "nonsense"},
    ],
)
def test_the_result_is_that_of_a_module(tmp_path: Path, wish: dict[str, Any]) -> None:
    arguments = {"files": [{"path": str(tmp_path / "file"), **wish}], "_ansible_check_mode": True}
    here, there = in_process(**arguments), apart(**arguments)
    for result in (here, there):
        result.pop("invocation", None)
        result.setdefault("changed", False)
    assert here == {key: there[key] for key in here}
    assert not (tmp_path / "file").exists()


def test_what_must_not_be_seen_is_masked(tmp_path: Path) -> None:
    wish = {"path": str(tmp_path / "file"), "content": "seldom-word", "show_diff": False}
    result = in_process(files=[wish], _ansible_diff=True)
    assert result["changed"] and (tmp_path / "file").read_text() == "seldom-word"
    assert "seldom-word" not in json.dumps(result)
    assert files.QuietModule is QuietModule


def test_a_module_that_breaks_breaks_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_module: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(files.files, "ensure", broken)
    with pytest.raises(TypeError):
        in_process(files=[])
    assert files.QuietModule is QuietModule


def test_no_argument_reaches_the_system_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(QuietModule, "log", lambda _module, text, **_more: logged.append(text))
    in_process(files=[{"path": str(tmp_path / "file"), "content": "seldom-word"}], _ansible_no_log=False)
    assert logged == []
