# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Debian packages: which are missing, and their installation in one call of apt-get.

Only dpkg's own state is read, so a machine without Python bindings and without a package source can
say what it lacks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .state import Change, Machine, StateError

SPEC = {
    "names": {"type": "list", "elements": "str", "required": True},
    "files": {"type": "list", "elements": "path", "default": []},
    "lock_timeout": {"type": "int", "default": 300},
}
UNFINISHED = Path("/var/lib/dpkg/updates")
INSTALL = (
    "install",
    "--yes",
    "--no-install-recommends",
    "--option=APT::Install-Suggests=false",
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
)
QUERY_FORMAT = r"${Package}\t${db:Status-Abbrev}\t${Version}\n"


@dataclass(frozen=True)
class Wanted:
    """A package by name; version None accepts any, otherwise at least that version."""

    name: str
    version: str | None = None

    @property
    def argument(self) -> str:
        """Return the package as apt-get takes it."""
        return self.name if self.version is None else f"{self.name}={self.version}"


def parse_wanted(text: str) -> Wanted:
    """Return 'name' or 'name=version' as Wanted."""
    name, separator, version = text.partition("=")
    if not name or (separator and not version):
        raise ValueError(f"{text!r} is neither a package name nor name=version")
    return Wanted(name, version or None)


def parse_query(output: str) -> dict[str, tuple[str, str]]:
    """Return name → (status, version) from dpkg-query's output in QUERY_FORMAT.

    Status is dpkg's abbreviation, 'ii' for an installed package; 'hi' is installed and held.
    """
    found: dict[str, tuple[str, str]] = {}
    for line in output.splitlines():
        name, status, version = line.split("\t")
        # A package of two architectures is listed twice: the installed one counts.
        if name not in found or status.strip()[1:2] == "i":
            found[name] = (status.strip(), version)
    return found


def installed_version(name: str, found: dict[str, tuple[str, str]]) -> str | None:
    """Return the version of a completely installed package, None for all other states."""
    status, version = found.get(name, ("un", ""))
    return version if status[1:2] == "i" and len(status) == 2 else None


def ensure(
    machine: Machine, names: Sequence[str], files: Sequence[str] = (), lock_timeout: int = 300
) -> Change:
    """Install what is missing or older than wished.

    names: 'name' or 'name=version'. files: package files that are used instead of a package source.
    lock_timeout: seconds to wait for another package manager.
    """
    try:
        wanted = [parse_wanted(text) for text in names]
    except ValueError as error:
        raise StateError(f"packages: {error}; nothing was changed") from error
    change = Change()
    missing = _missing(machine, wanted)
    change.add(*[w.argument for w in missing])
    if not missing or machine.check_mode:
        return change
    if UNFINISHED.is_dir() and any(UNFINISHED.iterdir()):
        _finish_interrupted(machine, lock_timeout)
    if files:
        # No source is asked: the files must be enough.
        no_source = ("--option=Dir::Etc::SourceList=/dev/null", "--option=Dir::Etc::SourceParts=/dev/null")
        _apt(machine, lock_timeout, *INSTALL, *no_source, *files)
    else:
        _apt(machine, lock_timeout, "update", "--option=APT::Update::Error-Mode=any")
        _apt(machine, lock_timeout, *INSTALL, "--fix-broken", *change.lines)
    still = _missing(machine, wanted)
    if still:
        raise StateError(f"not installed although apt-get succeeded: {', '.join(w.argument for w in still)}")
    return change


def _missing(machine: Machine, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Return the packages that are not installed, or older than wished."""
    if not wanted:
        return []
    # dpkg-query ends with 1 when a package is unknown; that is an answer, not an error.
    answer = machine.run("dpkg-query", f"--showformat={QUERY_FORMAT}", "--show", *[w.name for w in wanted])
    if answer.code not in (0, 1):
        raise StateError(f"dpkg-query failed: {answer.error.strip()}; nothing was changed")
    found = parse_query(answer.output)
    return [w for w in wanted if not _enough(machine, w, installed_version(w.name, found))]


def _enough(machine: Machine, wanted: Wanted, installed: str | None) -> bool:
    if installed is None:
        return False
    if wanted.version is None or wanted.version == installed:
        return True
    return machine.run("dpkg", "--compare-versions", installed, "ge", wanted.version).code == 0


def _finish_interrupted(machine: Machine, lock_timeout: int) -> None:
    """Configure what a killed dpkg has left; apt-get refuses to work before."""
    deadline = time.monotonic() + lock_timeout
    while True:
        answer = machine.run("dpkg", "--force-confdef", "--force-confold", "--configure", "--pending")
        if answer.code == 0 or "lock" not in answer.error or time.monotonic() > deadline:
            # What is still wrong, apt-get says in its own words.
            return
        time.sleep(1)


def _apt(machine: Machine, lock_timeout: int, *arguments: str) -> None:
    """Run apt-get and fail with its own words."""
    answer = machine.run("apt-get", f"--option=DPkg::Lock::Timeout={lock_timeout}", *arguments)
    if answer.code != 0:
        text = answer.error + answer.output
        lines = [line for line in text.splitlines() if line.startswith(("E:", "W:", "Err:", " "))]
        raise StateError(
            f"apt-get {arguments[0]} failed: {'; '.join(lines[:8]) or answer.error.strip()}",
            text.splitlines()[-20:],
        )
