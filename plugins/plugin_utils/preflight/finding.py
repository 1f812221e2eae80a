# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A finding: one thing that is wrong, where it is and what was expected instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One fault of the inventory, of a machine or of the bundle.

    host is the inventory name ("" = the inventory or the bundle as a whole), key the variable, group or
    property that is wrong, file the place where the key is written ("path:line", "" = not known).
    """

    host: str
    key: str
    message: str
    expected: str
    file: str = ""

    def as_dict(self) -> dict[str, str]:
        """The finding for programs: keys host, key, message, expected, file."""
        return asdict(self)

    def __str__(self) -> str:
        place = f" [{self.file}]" if self.file else ""
        return f"{self.key}: {self.message}; expected {self.expected}{place}"


def report(findings: Iterable[Finding]) -> str:
    """All findings as text for people, grouped by host, the inventory as a whole first."""
    ordered = sorted(set(findings))
    count = "1 problem was" if len(ordered) == 1 else f"{len(ordered)} problems were"
    lines = [f"{count} found. Nothing was changed."]
    host = None
    for finding in ordered:
        if finding.host != host:
            host = finding.host
            lines.append(f"{host or 'inventory and bundle'}:")
        lines.append(f"  - {finding}")
    return "\n".join(lines)
