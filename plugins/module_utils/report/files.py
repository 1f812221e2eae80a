# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a run's report is kept: a folder a run, and the link ``latest``."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import shutil
import typing as t
from pathlib import Path

from . import page
from .durations import Durations
from .model import Run

_FOLDER = re.compile(r"^\d{8}T\d{6}Z-.+$")


def write(run: Run, parent: Path, keep: int = 0) -> Path:
    """Write both files below ``parent``, link ``latest`` to them and return their folder.

    Only the newest ``keep`` folders stay (0: all). Raises OSError where the folder cannot be written.
    """
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = _new_folder(run, parent)
    write_text(folder / "report.json", json.dumps(run.to_json(), indent=1, ensure_ascii=False) + "\n")
    write_text(folder / "report.html", page.render(run))
    link = parent / f".latest.{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(folder.name)
    link.replace(parent / "latest")
    if keep > 0:
        folders = sorted(path for path in parent.iterdir() if path.is_dir() and _FOLDER.match(path.name))
        for old in folders[:-keep]:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def write_text(path: Path, text: str) -> None:
    """Write a file, 0600, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(
        os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as stream:
        stream.write(text)
    temporary.replace(path)


def read_durations(path: Path) -> Durations:
    """Return what the last run took; nothing where there was none."""
    try:
        data: t.Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Durations()
    return Durations.from_json(data)


def write_durations(run: Run, path: Path) -> None:
    """Keep what this run took, for the next one's estimate."""
    durations = Durations(run.seconds, [(task.title, task.start) for task in run.tasks])
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_text(path, json.dumps(durations.to_json()))


def _new_folder(run: Run, parent: Path) -> Path:
    moment = datetime.datetime.fromtimestamp(run.started, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"{moment}-{re.sub(r'[^A-Za-z0-9_-]+', '-', Path(run.playbook).stem)}"
    for number in range(1, 100):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            return folder
    raise FileExistsError(f"{parent}/{name}: a hundred reports of one second")
