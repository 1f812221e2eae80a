"""Sections from tasks: what is right is shown, what is wrong is said."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.report import sections

TABLE = {"columns": ["A", "B"], "rows": [["x", {"text": 1.5, "state": "ok"}]]}


def test_a_whole_section() -> None:
    raw = {"section": "S", "state": "ok", "summary": "fine", "facts": {"n": 3}, "table": TABLE}
    section = sections.parse({**raw, "chart": {"unit": "ms", "values": {"a": 1}}})
    assert section.facts["n"].text == "3"
    assert section.tables[0].rows[0][1] == sections.Cell("1.5", "ok")
    assert section.charts[0].values == {"a": 1.0}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ([], "a mapping"),
        ({}, "its title"),
        ({"section": "S", "tabel": 1}, "tabel"),
        ({"section": "S", "state": "green"}, "green"),
        ({"section": "S", "table": {"columns": ["A"], "rows": [["x", "y"]]}}, "row 1"),
        ({"section": "S", "table": {"rows": []}}, "columns"),
        ({"section": "S", "facts": ["a"]}, "facts"),
        ({"section": "S", "chart": {"values": {"a": "much"}}}, "numbers"),
    ],
)
def test_what_is_wrong_is_said(raw: Any, said: str) -> None:
    with pytest.raises(sections.SectionError, match=said):
        sections.parse(raw)


def test_sections_are_found_in_results_items_and_facts() -> None:
    one, two, three = ({"section": name} for name in "abc")
    result = {
        "nilecare_report": [one],
        "results": [{"nilecare_report": two}, {"changed": True}],
        "ansible_facts": {"nilecare_report": three},
    }
    assert sections.find(result) == [one, three, two]


def test_sections_of_one_title_become_one() -> None:
    parts = [
        sections.parse({"section": "S", "state": state, "summary": "fine", "table": TABLE})
        for state in ("ok", "failed", "warning")
    ]
    (merged,) = sections.merge(parts)
    assert merged.state == "failed"
    assert merged.summary == ["fine"]
    assert len(merged.tables) == 1 and len(merged.tables[0].rows) == 3
