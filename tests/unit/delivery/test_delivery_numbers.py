"""Arithmetic of counters, histograms and chance."""

from __future__ import annotations

import math
import random

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.numbers import (
    Counts,
    at_least,
    certainly_more,
    since,
)
from hypothesis import given
from hypothesis import strategies as st

INF = math.inf


def test_a_quantile_is_interpolated_as_prometheus_does() -> None:
    counts = Counts(100, 0, {0.1: 50, 0.2: 100, INF: 100})
    assert counts.quantile(0.5) == pytest.approx(0.1)
    assert counts.quantile(0.95) == pytest.approx(0.19)
    assert Counts().quantile(0.95) is None
    assert Counts(10, 0, {0.1: 0, INF: 10}).quantile(0.95) == 0.1


def test_what_is_slower() -> None:
    counts = Counts(100, 0, {0.1: 50, 0.2: 100, INF: 100})
    assert counts.slower_than(0.15) == pytest.approx(25)
    assert counts.slower_than(0.2) == 0
    assert Counts(10, 0, {0.1: 4, INF: 10}).slower_than(5) == 6


def test_pods_that_are_new_begin_anew_or_are_gone() -> None:
    before = {"a": Counts(10, 1, {0.1: 10}), "gone": Counts(99)}
    now = {"a": Counts(15, 2, {0.1: 14}), "new": Counts(5, 0, {0.1: 5})}
    assert since(before, now) == Counts(10, 1, {0.1: 9})
    assert since({"a": Counts(100, 50)}, {"a": Counts(3, 1)}) == Counts(3, 1)


@given(st.integers(1, 400), st.floats(0.001, 0.5), st.data())
def test_the_tail_falls_and_is_a_probability(trials: int, chance: float, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, trials))
    assert 0 <= at_least(k + 1, trials, chance) <= at_least(k, trials, chance) + 1e-9 <= 1 + 2e-9


def test_the_tail_is_the_binomial_one() -> None:
    assert at_least(1, 10, 0.5) == pytest.approx(1 - 0.5**10)
    assert at_least(10, 10, 0.5) == pytest.approx(0.5**10)
    assert at_least(0, 0, 0.5) == 1
    assert at_least(11, 10, 0.5) == 0


def test_a_single_error_among_few_is_no_verdict_and_five_percent_of_some_are() -> None:
    assert not certainly_more(1, 10, 0.01)
    assert not certainly_more(2, 200, 0.01)
    assert certainly_more(8, 120, 0.01)


def test_how_many_requests_a_bad_version_costs() -> None:
    """5 % errors where 1 % is accepted: found within 150 requests in the middle, and nearly always in 400."""
    source = random.Random(1)
    needed = []
    for _trial in range(100):
        errors = 0
        for count in range(1, 2001):
            errors += source.random() < 0.05
            if certainly_more(errors, count, 0.01):
                needed.append(count)
                break
    assert len(needed) == 100
    assert sorted(needed)[50] <= 150
    assert sorted(needed)[95] <= 400


def test_a_good_version_is_hardly_ever_taken_for_a_bad_one() -> None:
    """Half of what is accepted, looked at every 20 requests for 2000 of them."""
    source = random.Random(2)
    wrong = 0
    for _trial in range(100):
        errors = 0
        for count in range(1, 2001):
            errors += source.random() < 0.005
            if count % 20 == 0 and certainly_more(errors, count, 0.01):
                wrong += 1
                break
    assert wrong <= 2
