"""Durations for people, and estimates that follow the pace of the run."""

from __future__ import annotations

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.report.durations import (
    Durations,
    Estimate,
    clock,
    human,
)
from hypothesis import given
from hypothesis import strategies as st

LAST = Durations(100.0, [("a", 0.0), ("b", 20.0), ("c", 60.0)])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3725, "1 h 02 min")],
)
def test_human(seconds: float, text: str) -> None:
    assert human(seconds) == text


def test_clock() -> None:
    assert [clock(7), clock(750), clock(3725)] == ["0:07", "12:30", "1:02:05"]


def test_nothing_is_known_before_the_first_known_task() -> None:
    estimate = Estimate(LAST)
    estimate.enter("new", 1.0)
    assert estimate.remaining(2.0) is None


def test_at_the_same_pace_the_rest_is_what_was_left_last_time() -> None:
    estimate = Estimate(LAST)
    estimate.enter("b", 20.0)
    assert estimate.remaining(30.0) == pytest.approx(70.0)


def test_a_faster_run_expects_a_faster_rest() -> None:
    estimate = Estimate(LAST, grace=0.0)
    estimate.enter("a", 0.1)
    estimate.enter("b", 2.0)
    assert estimate.remaining(2.0) == pytest.approx(8.0)


def test_what_was_kept_is_read_again() -> None:
    assert Durations.from_json(LAST.to_json()) == LAST


SPOILED: list[object] = [
    None,
    [],
    {},
    "x",
    {"seconds": "much", "tasks": []},
    {"seconds": 1, "tasks": [["a"]]},
]


@pytest.mark.parametrize("data", SPOILED)
def test_a_spoiled_memory_is_no_memory(data: object) -> None:
    assert Durations.from_json(data) == Durations()


@given(st.lists(st.sampled_from("abcx")), st.floats(0, 1000))
def test_an_estimate_is_never_negative(keys: list[str], now: float) -> None:
    estimate = Estimate(LAST)
    for key in keys:
        estimate.enter(key, now / 2)
    remaining = estimate.remaining(now)
    assert remaining is None or remaining >= 0
