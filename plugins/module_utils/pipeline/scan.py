# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a scan finds in an image, and which of it is accepted. All but running trivy is pure."""

from __future__ import annotations

import datetime
import json
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .tools import PipelineError, Run, Tools

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
_QUIET = ("--quiet", "--skip-version-check", "--format=json", "--image-src=remote", "--offline-scan")


@dataclass(frozen=True)
class Problem:
    """One thing that a scan found. ``fixed``: the version without it; empty where there is none."""

    kind: str
    name: str
    severity: str
    where: str
    fixed: str = ""
    title: str = ""

    def __str__(self) -> str:
        cure = f", mended in {self.fixed}" if self.fixed else ""
        return f"{self.severity} {self.name} in {self.where}{cure}"


@dataclass(frozen=True)
class Accepted:
    """A problem that somebody answers for, until a day (ISO 8601)."""

    id: str
    reason: str
    until: str

    def holds(self, today: datetime.date) -> bool:
        """Whether the day has not passed."""
        return datetime.date.fromisoformat(self.until) >= today


@dataclass(frozen=True)
class Policy:
    """What is refused.

    :param severities: of which a problem is refused.
    :param unfixed: whether one that nobody has mended yet is refused as well.
    """

    severities: tuple[str, ...] = ("CRITICAL", "HIGH")
    unfixed: bool = False
    accepted: tuple[Accepted, ...] = ()

    def refused(self, problems: Iterable[Problem], today: datetime.date) -> list[Problem]:
        """Those that are."""
        excused = {one.id for one in self.accepted if one.holds(today)}
        return [
            problem
            for problem in problems
            if problem.severity in self.severities
            and problem.name not in excused
            and (self.unfixed or problem.fixed or problem.kind != "vulnerability")
        ]

    def expired(self, today: datetime.date) -> list[Accepted]:
        """What is no longer accepted."""
        return [one for one in self.accepted if not one.holds(today)]


def read(report: str) -> list[Problem]:
    """The problems in trivy's report, worst first."""
    found = []
    for result in json.loads(report).get("Results") or []:
        target = result.get("Target", "")
        for one in result.get("Vulnerabilities") or []:
            where = f"{one['PkgName']} {one.get('InstalledVersion', '')}".strip()
            found.append(_problem("vulnerability", one["VulnerabilityID"], one, where))
        for one in result.get("Secrets") or []:
            found.append(_problem("secret", one["RuleID"], one, target))
        for one in result.get("Misconfigurations") or []:
            if one.get("Status", "FAIL") == "FAIL":
                found.append(_problem("setting", one.get("ID", ""), one, target))
    return sorted(found, key=lambda one: (_rank(one.severity), one.kind, one.name, one.where))


def _problem(kind: str, name: str, one: Mapping[str, t.Any], where: str) -> Problem:
    return Problem(
        kind=kind,
        name=name,
        severity=str(one.get("Severity", "UNKNOWN")).upper(),
        where=where,
        fixed=str(one.get("FixedVersion", "")),
        title=str(one.get("Title", "")),
    )


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def counted(problems: Sequence[Problem]) -> dict[str, int]:
    """How many there are of each severity, worst first, those without any left out."""
    totals = {severity: sum(one.severity == severity for one in problems) for severity in SEVERITIES}
    return {severity: number for severity, number in totals.items() if number}


@dataclass(frozen=True)
class Database:
    """trivy's list of known vulnerabilities: a folder with trivy.db and metadata.json."""

    directory: Path

    def made(self) -> datetime.date | None:
        """When it was made; None when there is none."""
        try:
            metadata = json.loads((self.directory / "metadata.json").read_text())
        except OSError:
            return None
        if not (self.directory / "trivy.db").is_file():
            return None
        return datetime.date.fromisoformat(str(metadata["UpdatedAt"])[:10])

    def problem(self, days: int, today: datetime.date) -> str:
        """Why it is no base for a verdict; empty when it is."""
        made = self.made()
        if made is None:
            where = f"{self.directory} has no trivy.db with its metadata.json"
            return f"known vulnerabilities were not looked for: {where}"
        age = (today - made).days
        if age > days:
            return f"the list of known vulnerabilities is {age} days old, at most {days} are allowed"
        return ""


def scan(run: Tools | Run, home: Path, image: str, database: Path | None) -> list[Problem]:
    """Scan an image (by digest): known vulnerabilities where there is a list, secrets, the image's settings.

    :param home: folder for trivy's cache.
    :raises PipelineError: trivy could not do it.
    """
    cache = home / "trivy"
    cache.mkdir(exist_ok=True)
    scanners = "secret"
    if database is not None:
        scanners = "vuln,secret"
        (cache / "db").symlink_to(database.resolve())
    arguments = [
        "image",
        *_QUIET,
        "--skip-db-update",
        "--skip-java-db-update",
        "--skip-check-update",
        f"--cache-dir={cache}",
        f"--scanners={scanners}",
        "--image-config-scanners=misconfig,secret",
        "--timeout=14m",
        image,
    ]
    try:
        return read(run("trivy", *arguments))
    except (ValueError, KeyError) as error:
        raise PipelineError(f"trivy's report cannot be read: {error}") from error
