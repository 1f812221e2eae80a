"""Where reports are kept."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from ansible_collections.nilecare.platform.plugins.module_utils.report import files

from tests.unit.report import sample


def test_a_report_is_written_and_linked(tmp_path: Path) -> None:
    folder = files.write(sample.make(), tmp_path / "reports")
    assert folder.name == "20261128T100311Z-site"
    assert (tmp_path / "reports" / "latest").resolve() == folder.resolve()
    assert json.loads((folder / "report.json").read_text())["playbook"] == "site.yml"
    assert stat.S_IMODE((folder / "report.html").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_two_runs_in_one_second_have_two_folders(tmp_path: Path) -> None:
    first, second = (files.write(sample.make(), tmp_path) for _run in range(2))
    assert first != second
    assert (tmp_path / "latest").resolve() == second.resolve()


def test_only_old_reports_are_removed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for number in range(4):
        run = sample.make()
        run.started += number
        files.write(run, tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "20261128T100313Z-site",
        "20261128T100314Z-site",
        "latest",
        "mine",
    ]


def test_durations_survive(tmp_path: Path) -> None:
    path = tmp_path / "durations" / "site.json"
    run = sample.make()
    files.write_durations(run, path)
    assert files.read_durations(path).seconds == round(run.seconds, 2)
    path.write_text("{")
    assert files.read_durations(path).seconds == 0.0
