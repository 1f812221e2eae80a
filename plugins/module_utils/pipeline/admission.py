# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an image may come in: signed, with a bill of materials, stages passed, nothing bad found."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import evidence, images
from .scan import Database, Policy, Problem, counted, scan
from .tools import PipelineError, Run


@dataclass(frozen=True)
class Terms:
    """What an image is asked for.

    :param key: public key (PEM) of those who build.
    :param stages: stages that it must have passed.
    :param stage_key: public key (PEM) of the platform, which signs for stages.
    :param database: folder with the list of known vulnerabilities.
    :param database_days: most days since that was made.
    :param database_required: whether nothing comes in without it.
    """

    key: str
    stages: tuple[str, ...] = ()
    stage_key: str = ""
    policy: Policy = field(default_factory=Policy)
    database: str = ""
    database_days: int = 7
    database_required: bool = True


@dataclass
class Admission:
    """What was found out about an image."""

    image: str
    digest: str = ""
    refusals: list[str] = field(default_factory=list)
    uncovered: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    bill: str = ""
    components: int = 0
    stages: list[str] = field(default_factory=list)

    @property
    def by_digest(self) -> str:
        """The image that was looked at, whatever its tag means by now."""
        return f"{self.image.rpartition(':')[0]}@{self.digest}"

    @property
    def is_admitted(self) -> bool:
        return not self.refusals


def admit(run: Run, home: Path, image: str, terms: Terms, today: datetime.date) -> Admission:
    """Look at an image, and say all that speaks against it. Changes nothing.

    :param image: repository and tag.
    :param home: folder for the scan.
    :raises PipelineError: its registry or a program cannot be asked.
    """
    found = Admission(image, images.digest_of(run, image))
    if not found.digest:
        found.refusals.append(f"{image} is not there")
        return found
    try:
        evidence.verify_signature(run, found.by_digest, terms.key)
    except PipelineError as error:
        # Nobody answers for its content, so nothing of it is unpacked.
        found.refusals.append(f"it is not signed by those who build: {error}")
        return found
    _bill(run, found, terms)
    _stages(run, found, terms)
    _scan(run, home, found, terms, today)
    return found


def _bill(run: Run, found: Admission, terms: Terms) -> None:
    try:
        found.bill, listed = evidence.bill(run, found.by_digest, terms.key)
        found.components = evidence.components(found.bill, listed)
    except PipelineError as error:
        found.refusals.append(f"it has no signed bill of materials: {error}")


def _stages(run: Run, found: Admission, terms: Terms) -> None:
    for stage in terms.stages:
        try:
            evidence.claims(run, found.by_digest, evidence.stage_type(stage), terms.stage_key)
            found.stages.append(stage)
        except PipelineError as error:
            found.refusals.append(f"it has not passed {stage}: {error}")


def _scan(run: Run, home: Path, found: Admission, terms: Terms, today: datetime.date) -> None:
    database = Database(Path(terms.database))
    problem = database.problem(terms.database_days, today)
    if problem:
        (found.refusals if terms.database_required else found.uncovered).append(problem)
    found.problems = scan(run, home, found.by_digest, database.directory if database.made() else None)
    found.refused = terms.policy.refused(found.problems, today)
    found.refusals += [str(one) for one in found.refused]
    # What is accepted no longer is said only where it would have mattered.
    names = {one.name for one in found.refused}
    found.refusals += [
        f"{one.id} was accepted until {one.until}: {one.reason}"
        for one in terms.policy.expired(today)
        if one.id in names
    ]


def section(title: str, found: Sequence[Admission]) -> dict[str, t.Any]:
    """The section of the run's report."""
    rows: list[list[t.Any]] = []
    for one in found:
        state = "failed" if one.refusals else "warning" if one.uncovered else "ok"
        word = "refused" if one.refusals else "admitted"
        numbers = ", ".join(
            f"{number} {severity.lower()}" for severity, number in counted(one.problems).items()
        )
        rows.append(
            [
                one.image,
                one.digest[:19] or "-",
                f"{one.components} parts ({one.bill})" if one.bill else "-",
                ", ".join(one.stages) or "-",
                numbers or "nothing",
                {"text": word, "state": state},
            ]
        )
    columns = ["Image", "Digest", "Bill of materials", "Passed", "Found", "Verdict"]
    tables: list[dict[str, t.Any]] = [{"columns": columns, "rows": rows}]
    listed = [
        [
            one.image.rpartition("/")[2],
            problem.severity.lower(),
            problem.name,
            problem.where,
            problem.fixed or "-",
        ]
        for one in found
        for problem in (one.refused or one.problems)[:20]
    ]
    if listed:
        tables.append(
            {"title": "Found", "columns": ["Image", "Severity", "What", "In", "Mended in"], "rows": listed}
        )
    lines = [f"{one.image}: {line}" for one in found for line in (*one.refusals, *one.uncovered)]
    worst = "failed" if any(one.refusals for one in found) else "warning" if lines else "ok"
    return {"section": title, "state": worst, "summary": lines, "tables": tables}
