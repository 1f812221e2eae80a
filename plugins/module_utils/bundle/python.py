# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Python program as a layer: its wheels by hash, its package, and everything compiled beforehand.

The interpreter of the layers below compiles, so that byte code fits it whatever Python the host has. Byte
code is checked by nothing at run time: a container starts at once from a read-only file system.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from .errors import BundleError
from .oci import Entry
from .recipe import Python

LOADER = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
PLATFORMS = (
    "manylinux_2_36_x86_64",
    "manylinux_2_34_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux_2_17_x86_64",
)


@contextlib.contextmanager
def layer_entries(program: Python, folder: Path, lower: Sequence[Path], work: Path) -> Iterator[list[Entry]]:
    """Entries of the program's layer; their files lie in `work`, which is removed at the end."""
    root = work / "root"
    try:
        for layer in lower:
            _unpack(layer, root)
        target = root / program.target.lstrip("/")
        _install(program, folder / program.requirements, target)
        package = folder / program.source
        shutil.copytree(package, target / package.name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        _compile(program, root, [target, root / program.library.lstrip("/")])
        made = sorted(p for p in target.rglob("*") if p.is_file())
        made += sorted((root / program.library.lstrip("/")).rglob("__pycache__/*.pyc"))
        yield [Entry(str(path.relative_to(root)), mode=0o644, source=path) for path in made]
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _unpack(layer: Path, root: Path) -> None:
    with tarfile.open(layer) as archive:
        archive.extractall(root, filter="tar")


def _run(command: Sequence[str], what: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise BundleError(f"{what} failed:", (done.stdout + done.stderr).splitlines()[-8:])


def _install(program: Python, requirements: Path, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--only-binary", ":all:", "--no-compile", "--target", str(target)]
    command += ["--implementation", "cp", "--python-version", program.version]
    command += [part for platform in PLATFORMS for part in ("--platform", platform)]
    _run([*command, "-r", str(requirements)], f"installing {requirements}")
    shutil.rmtree(target / "bin", ignore_errors=True)
    for record in target.glob("*.dist-info/*"):
        # what only records this installation, in an order that differs
        if record.name in ("RECORD", "direct_url.json", "REQUESTED", "INSTALLER"):
            record.unlink()


def _compile(program: Python, root: Path, folders: Sequence[Path]) -> None:
    interpreter = root / f"usr/bin/python{program.version}"
    command = [
        str(root / LOADER),
        "--library-path",
        str(root / LIBRARIES),
        str(interpreter),
        "-m",
        "compileall",
    ]
    command += ["-q", "-f", "-j1", "--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", "/"]
    command += ["-x", r"/(test|tests|idlelib|lib2to3|turtledemo)/"]
    environment = {"PYTHONHOME": str(root / "usr"), "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
    # -s and -p make recorded paths those of the container
    _run([*command, *map(str, folders)], "compiling Python", environment)
