# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs out of Debian packages of another release than the rest, which run on older libraries."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from . import upstream
from .errors import BundleError
from .recipe import Deb


def programs(debs: Sequence[Deb], mirror: str, target: Path, work: Path) -> dict[str, Path]:
    """Put the programs of packages into `target`; `work` is a folder for the time being.

    `mirror` is the archive's address, as in a line of sources.list.
    """
    found: dict[str, Path] = {}
    try:
        for deb in debs:
            file = work / Path(deb.path).name
            upstream.download(f"{mirror}/{deb.path}", file, deb.sha256)
            found |= _taken(deb, file, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return found


def _taken(deb: Deb, file: Path, target: Path) -> dict[str, Path]:
    wanted = {path: name for name, path in deb.programs.items()}
    found: dict[str, Path] = {}
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(file)], stdout=subprocess.PIPE) as process:
        if process.stdout is None:
            raise TypeError("process.stdout is missing")
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                name = wanted.get(member.name.removeprefix("./"))
                stream = archive.extractfile(member) if name else None
                if name and stream:
                    found[name] = target / name
                    found[name].parent.mkdir(parents=True, exist_ok=True)
                    with found[name].open("wb") as output:
                        shutil.copyfileobj(stream, output)
                    found[name].chmod(0o755)
    missing = sorted(set(deb.programs) - set(found))
    if process.returncode or missing:
        raise BundleError(f"{deb.path} has no {', '.join(deb.programs[name] for name in missing)}")
    return found
