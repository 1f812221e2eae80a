# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which Debian packages are missing. Pure: nothing is run here."""

from __future__ import annotations

from dataclasses import dataclass

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
