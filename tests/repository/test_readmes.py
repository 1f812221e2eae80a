# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of variables in each role's README is what its argument_specs say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


role_readme: Any = load(ROOT / "scripts/role_readme.py")


def test_every_table_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert role_readme.main(["--check"]) == 0, capsys.readouterr().err


def test_every_role_has_a_readme_and_argument_specs() -> None:
    for role in sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir()):
        assert (role / "README.md").is_file(), role
        assert (role / "meta/argument_specs.yml").is_file(), role


def test_a_stale_table_is_found_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    role = tmp_path / "host"
    (role / "meta").mkdir(parents=True)
    (role / "meta/argument_specs.yml").write_text(
        "argument_specs:\n  main:\n    options:\n      host_wait:\n        type: int\n        default: 5\n"
        "        description: [Seconds to wait for O(host_name)., See RV(ignore:x).]\n"
    )
    readme = role / "README.md"
    readme.write_text("# Role host\n<!-- variables -->\nold\n<!-- end variables -->\nThe end.\n")
    monkeypatch.setattr(role_readme, "ROLES", tmp_path)
    assert role_readme.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().err
    assert "old" in readme.read_text()
    assert role_readme.main([]) == 0
    assert role_readme.main(["--check"]) == 0
    text = readme.read_text()
    assert "| `host_wait` | int | `5` | Seconds to wait for `host_name`. See `x`. |" in text
    assert text.startswith("# Role host\n")
    assert text.endswith("The end.\n")


def test_a_readme_without_markers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "host/meta").mkdir(parents=True)
    (tmp_path / "host/meta/argument_specs.yml").write_text("argument_specs: {main: {}}\n")
    (tmp_path / "host/README.md").write_text("# Role host\n")
    monkeypatch.setattr(role_readme, "ROLES", tmp_path)
    assert role_readme.main([]) == 1
    assert "expected the lines" in capsys.readouterr().err
