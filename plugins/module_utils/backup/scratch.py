# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A folder for what must not stay: only its owner enters it, and it is gone afterwards."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "backup-"
DEAD = 24 * 3600
"""Seconds after which such a folder is one of a run that was killed."""


@contextlib.contextmanager
def scratch(directory: Path) -> Iterator[Path]:
    """A folder below a directory. What killed runs left there is removed first."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in directory.glob(f"{PREFIX}*"):
        if time.time() - left.stat().st_mtime > DEAD:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=directory) as name:
        yield Path(name)
