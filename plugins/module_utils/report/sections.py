# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What other parts of the collection add to a report.

A task's result (or set_fact) may carry ``nilecare_report``: one section, or a list of them. A section is::

    section: Health                 # title; sections of one title become one
    state: ok                       # ok, warning, failed or none: the colour of its mark
    summary: 42 of 42 checks passed # one sentence
    facts: {Members: 3, Leader: khartoum-1}
    table:
      columns: [Machine, Offset]
      rows: [[khartoum-1, {text: 0.2 s, state: ok}], [bahri-1, {text: 4.0 s, state: failed}]]
    chart: {unit: ms, values: {khartoum-1: 1.2, bahri-1: 3.4}}

All but the title may be left out. ``tables`` and ``charts`` take lists, each with a ``title``.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

KEY = "nilecare_report"
STATES = ("none", "ok", "warning", "failed")


class SectionError(ValueError):
    """A section that does not follow the schema; the message says where and what was expected."""


@dataclass
class Cell:
    """A cell of a table: its text, and a state that colours it."""

    text: str
    state: str = "none"


@dataclass
class Table:
    """Rows of cells below named columns."""

    columns: list[str]
    rows: list[list[Cell]]
    title: str = ""


@dataclass
class Chart:
    """Horizontal bars, one a label, in one unit."""

    values: dict[str, float]
    unit: str = ""
    title: str = ""


@dataclass
class Section:
    """A part of the report that came from a task."""

    title: str
    state: str = "none"
    summary: list[str] = field(default_factory=list)
    facts: dict[str, Cell] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)

    def add(self, other: Section) -> None:
        """Take over what another section of the same title says; tables of the same columns grow."""
        self.state = max(self.state, other.state, key=STATES.index)
        self.summary += [line for line in other.summary if line not in self.summary]
        self.facts.update(other.facts)
        for table in other.tables:
            same = [
                mine for mine in self.tables if (mine.title, mine.columns) == (table.title, table.columns)
            ]
            if same:
                same[0].rows += table.rows
            else:
                self.tables.append(table)
        self.charts += other.charts


def merge(sections: t.Iterable[Section]) -> list[Section]:
    """Return the sections with those of one title made one, in order of first appearance."""
    merged: dict[str, Section] = {}
    for section in sections:
        if section.title in merged:
            merged[section.title].add(section)
        else:
            merged[section.title] = section
    return list(merged.values())


def find(result: t.Mapping[str, t.Any]) -> list[t.Any]:
    """Return the raw sections in a task's result, those of a loop's items included."""
    raw: list[t.Any] = []
    facts = result.get("ansible_facts")
    for part in [result, *([facts] if isinstance(facts, dict) else []), *_items(result)]:
        found = part.get(KEY)
        raw += found if isinstance(found, list) else [] if found is None else [found]
    return raw


def parse(raw: t.Any) -> Section:
    """Check one section against the schema and return it; SectionError says what is wrong with it."""
    if not isinstance(raw, dict):
        raise SectionError(f"a section is a mapping, not {type(raw).__name__}")
    title = raw.get("section")
    if not isinstance(title, str) or not title:
        raise SectionError("a section needs the key 'section': its title")
    known = {"section", "state", "summary", "facts", "table", "tables", "chart", "charts"}
    unknown = sorted(set(raw) - known)
    if unknown:
        raise SectionError(
            f"section {title!r}: unknown keys {', '.join(unknown)}; known are {', '.join(sorted(known))}"
        )
    facts = raw.get("facts") or {}
    if not isinstance(facts, dict):
        raise SectionError(f"section {title!r}: facts is a mapping, not {type(facts).__name__}")
    summary = raw.get("summary") or []
    return Section(
        title=title,
        state=_state(raw.get("state"), title),
        summary=[str(line) for line in (summary if isinstance(summary, list) else [summary])],
        facts={str(key): _cell(value, title) for key, value in facts.items()},
        tables=[_table(part, title) for part in _parts(raw, "table")],
        charts=[_chart(part, title) for part in _parts(raw, "chart")],
    )


def _items(result: t.Mapping[str, t.Any]) -> list[t.Mapping[str, t.Any]]:
    items = result.get("results")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _parts(raw: t.Mapping[str, t.Any], name: str) -> list[t.Any]:
    return ([raw[name]] if raw.get(name) else []) + list(raw.get(name + "s") or [])


def _state(value: t.Any, title: str) -> str:
    state = value or "none"
    if state not in STATES:
        raise SectionError(f"section {title!r}: state is one of {', '.join(STATES)}, not {state!r}")
    return str(state)


def _cell(value: t.Any, title: str) -> Cell:
    if isinstance(value, dict):
        return Cell(_text(value.get("text")), _state(value.get("state"), title))
    return Cell(_text(value))


def _text(value: t.Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(part) for part in value)
    return str(value)


def _table(raw: t.Any, title: str) -> Table:
    if (
        not isinstance(raw, dict)
        or not isinstance(raw.get("columns"), list)
        or not isinstance(raw.get("rows"), list)
    ):
        raise SectionError(f"section {title!r}: a table needs the lists 'columns' and 'rows'")
    columns = [str(column) for column in raw["columns"]]
    rows = []
    for number, row in enumerate(raw["rows"], start=1):
        if not isinstance(row, (list, tuple)) or len(row) != len(columns):
            raise SectionError(
                f"section {title!r}: row {number} of the table needs {len(columns)} cells: {row!r}"
            )
        rows.append([_cell(value, title) for value in row])
    return Table(columns, rows, str(raw.get("title") or ""))


def _chart(raw: t.Any, title: str) -> Chart:
    values = raw.get("values") if isinstance(raw, dict) else None
    if not isinstance(values, dict):
        raise SectionError(f"section {title!r}: a chart needs 'values': a mapping of labels to numbers")
    try:
        numbers = {str(label): float(number) for label, number in values.items()}
    except (TypeError, ValueError) as error:
        raise SectionError(f"section {title!r}: a chart's values are numbers: {values!r}") from error
    return Chart(numbers, str(raw.get("unit") or ""), str(raw.get("title") or ""))
