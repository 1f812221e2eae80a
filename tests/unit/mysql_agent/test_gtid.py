"""Sets of transactions, against plain sets of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles.mysql.files.mysql_agent.gtid import GtidSet

A, B = "0c1d2e3f-0000-0000-0000-00000000000a", "0c1d2e3f-0000-0000-0000-00000000000b"
NUMBERS = st.dictionaries(st.sampled_from([A, f"{A}:tag", B]), st.sets(st.integers(1, 30), max_size=20))


def made(numbers: dict[str, set[int]]) -> GtidSet:
    parts = [":".join([source, *map(str, sorted(chosen))]) for source, chosen in numbers.items() if chosen]
    return GtidSet.parse(",".join(parts))


def plain(numbers: GtidSet) -> set[tuple[str, int]]:
    return {
        (source, number)
        for source, ranges in numbers.ranges.items()
        for first, last in ranges
        for number in range(first, last + 1)
    }


@given(NUMBERS, NUMBERS)
def test_sets_behave_as_sets(one: dict[str, set[int]], other: dict[str, set[int]]) -> None:
    left, right = made(one), made(other)
    assert plain(left | right) == plain(left) | plain(right)
    assert plain(left - right) == plain(left) - plain(right)
    assert plain(left & right) == plain(left) & plain(right)
    assert left.contains(right) == (plain(left) >= plain(right))
    assert len(left) == len(plain(left))
    assert bool(left) == bool(plain(left))


@given(NUMBERS)
def test_a_text_comes_back_as_it_was(numbers: dict[str, set[int]]) -> None:
    assert GtidSet.parse(str(made(numbers))) == made(numbers)


def test_as_mysql_writes_it() -> None:
    text = f"{A.upper()}:1-5:7,\n{A}:tag:1-3:5,{B}:9"
    assert str(GtidSet.parse(text)) == f"{A}:1-5:7,{A}:tag:1-3:5,{B}:9"
    assert GtidSet.parse(text).sources == {A, B}
    assert str(GtidSet.parse(f"{A}:1-5:tag:1-2")) == f"{A}:1-5,{A}:tag:1-2"
    assert not GtidSet.parse("")


@pytest.mark.parametrize("text", [A, f"{A}:5-3", f"{A}:1-x"])
def test_what_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        GtidSet.parse(text)
