# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Java libraries out of a Maven repository, each by its path and SHA-256, as entries of a layer."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from . import upstream
from .oci import Entry
from .recipe import Maven


@contextlib.contextmanager
def layer_entries(maven: Maven, repository: str, work: Path) -> Iterator[list[Entry]]:
    """Entries of the libraries; their files lie in `work`, which is removed at the end.

    `repository` is the address that the paths are below.
    """
    try:
        entries = []
        for path, sha256 in sorted(maven.jars.items()):
            name = PurePosixPath(path).name
            upstream.download(f"{repository}/{path}", work / name, sha256)
            entries.append(Entry(f"{maven.target}/{name}", source=work / name))
        yield entries
    finally:
        shutil.rmtree(work, ignore_errors=True)
