"""From numbers to a verdict: each gate, no data, and what people say."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.numbers import Counts
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.verdict import (
    Action,
    Measures,
    decide,
)
from ansible_collections.nilecare.platform.plugins.module_utils.services.terms import Gate, Terms
from hypothesis import given
from hypothesis import strategies as st

TERMS = Terms(no_data_seconds=100)


def counts(requests: int, errors: int = 0, seconds: float = 0.02) -> Counts:
    """Answers of which 95 % took less than about these seconds."""
    bounds = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
    buckets: dict[float, float] = {b: requests if b >= seconds else 0 for b in bounds}
    return Counts(requests, errors, {**buckets, math.inf: requests})


GOOD = Measures(new=counts(200), old=counts(800), baseline=counts(800), saturation=0.3)


def test_a_good_version_is_held_for_its_time_and_then_goes_on() -> None:
    assert decide(TERMS, 60, 59, 100, GOOD).action is Action.HOLD
    assert decide(TERMS, 60, 60, 100, GOOD).action is Action.NEXT


@pytest.mark.parametrize(
    ("measures", "text"),
    [
        (replace(GOOD, new=counts(200, 10)), "5.0% errors (10 of 200)"),
        (replace(GOOD, new=counts(200, 0, 0.25)), "is accepted (stable: 20 ms)"),
        (replace(GOOD, restarts=1), "restarted 1 times"),
    ],
)
def test_a_bad_version_is_taken_back_before_its_time(measures: Measures, text: str) -> None:
    decision = decide(TERMS, 3600, 10, 100, measures)
    assert decision.action is Action.BACK
    assert text in decision.reason


@pytest.mark.parametrize(
    "measures",
    [
        replace(GOOD, new=counts(3)),
        replace(GOOD, new=Counts()),
        replace(GOOD, baseline=None),
        replace(GOOD, saturation=None),
        replace(GOOD, saturation=0.95),
        replace(GOOD, new=counts(200, 3)),
        Measures(trouble="Prometheus cannot be asked"),
    ],
)
def test_what_is_not_known_to_be_good_is_held_and_then_taken_back(measures: Measures) -> None:
    assert decide(TERMS, 60, 60, 100, measures).action is Action.HOLD
    assert decide(TERMS, 60, 159, 100, measures).action is Action.HOLD
    decision = decide(TERMS, 60, 160, 100, measures)
    assert decision.action is Action.BACK
    assert decision.reason.startswith("no verdict after 160 s: ")


def test_the_stable_versions_own_errors_are_not_the_new_ones_fault() -> None:
    both = replace(GOOD, new=counts(1000, 30), baseline=counts(4000, 120))
    assert decide(TERMS, 60, 60, 100, both).action is Action.NEXT


def test_a_pause_holds_a_good_version_and_not_a_bad_one() -> None:
    assert decide(TERMS, 60, 9999, 100, GOOD, paused=True).action is Action.HOLD
    assert decide(TERMS, 60, 1, 100, replace(GOOD, restarts=2), paused=True).action is Action.BACK


def test_gates_of_its_own() -> None:
    terms = replace(TERMS, gates=(Gate("queue", "max(queue)", 10.0),))
    for value, action in ((9.0, Action.NEXT), (11.0, Action.BACK), (None, Action.HOLD)):
        measures = replace(GOOD, gates={"queue": value})
        assert decide(terms, 60, 60, 100, measures).action is action, value


def test_who_tests_by_header_need_not_be_many() -> None:
    quiet = replace(GOOD, new=Counts(), baseline=None)
    assert decide(TERMS, 60, 60, 0, quiet).action is Action.NEXT


def test_unjudged_only_restarts_count() -> None:
    terms = replace(TERMS, judged=False)
    assert decide(terms, 60, 60, 0, Measures()).action is Action.NEXT
    assert decide(terms, 60, 60, 0, Measures(restarts=1)).action is Action.BACK


@given(
    st.integers(0, 2000),
    st.integers(0, 2000),
    st.none() | st.integers(0, 2000),
    st.none() | st.floats(0, 2),
    st.floats(0, 10000),
)
def test_nothing_unknown_is_ever_promoted(
    new: int, errors: int, baseline: int | None, saturation: float | None, held: float
) -> None:
    measures = Measures(
        new=counts(new, min(errors, new)),
        baseline=None if baseline is None else counts(baseline),
        saturation=saturation,
    )
    decision = decide(TERMS, 60, held, 100, measures)
    if decision.action is Action.NEXT:
        assert held >= 60
        assert new >= 100
        assert errors <= 0.01 * new + 1e-9
        assert baseline
        assert saturation is not None and saturation <= 0.9
    if held > 160:
        assert decision.action is not Action.HOLD
