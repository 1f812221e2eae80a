"""The states of a delivery: where traffic may go, and that every way ends well."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.machine import (
    PLAIN,
    Event,
    Phase,
    State,
    advance,
    begin,
    colours,
    split,
    steps,
)
from ansible_collections.nilecare.platform.plugins.module_utils.services.terms import Terms
from hypothesis import given
from hypothesis import strategies as st

TERMS = Terms()


def start(strategy: str = "canary", old: str = "blue", adopt: bool = False) -> State:
    return begin(strategy, "2.0.0", "f", old, "1.0.0" if old else "", adopt, 0.0)


def walk(state: State, events: list[Event], terms: Terms = TERMS) -> list[State]:
    """The states that events lead through, until an end or the last event."""
    found = [state]
    for number, event in enumerate(events):
        if state.ended:
            break
        state = advance(state, terms, event, float(number), "bad" if event is Event.FAIL else "")
        found.append(state)
    return found


def test_a_good_canary() -> None:
    states = walk(start(), [Event.DONE] * 9)
    assert [s.phase.value for s in states] == [
        *("hook", "start", "smoke"),
        *["step"] * 5,
        *("kept", "done"),
    ]
    shares = [split(s, TERMS).weights.get("green") for s in states if s.phase is Phase.STEP]
    assert shares == [0, 10, 25, 50, 100]
    assert split(states[3], TERMS).header == "x-canary"
    assert split(states[-1], TERMS).active == "green"


def test_a_good_blue_green() -> None:
    states = walk(start("blue_green"), [Event.DONE] * 5)
    assert [(s.phase.value, split(s, TERMS).active) for s in states] == [
        ("hook", "blue"),
        ("start", "blue"),
        ("smoke", "blue"),
        ("step", "green"),
        ("kept", "green"),
        ("done", "green"),
    ]
    assert [colours(s) for s in states] == [
        ("blue",),
        ("blue", "green"),
        ("blue", "green"),
        ("blue", "green"),
        ("green", "blue"),
        ("green",),
    ]


def test_a_version_without_a_colour_gets_one_first() -> None:
    state = start(old=PLAIN, adopt=True)
    assert (state.phase, split(state, TERMS).active, colours(state)) == (Phase.ADOPT, "", (PLAIN,))
    after = advance(state, TERMS, Event.DONE, 1)
    assert (after.phase, split(after, TERMS).active) == (Phase.HOOK, PLAIN)
    failed = advance(state, TERMS, Event.FAIL, 1, "bad")
    assert (failed.phase, split(failed, TERMS).active) == (Phase.FAILED, "")


def test_a_first_version_has_nothing_to_go_back_to() -> None:
    states = walk(start(old=""), [Event.DONE] * 3)
    assert [s.phase for s in states] == [Phase.HOOK, Phase.START, Phase.SMOKE, Phase.DONE]
    failed = walk(start(old=""), [Event.DONE, Event.FAIL])[-1]
    assert (failed.phase, colours(failed)) == (Phase.FAILED, ("blue",))
    assert colours(walk(start(old=""), [Event.FAIL])[-1]) == ()


def test_keeping_can_be_left_out() -> None:
    terms = replace(TERMS, keep_seconds=0)
    last = walk(start("blue_green"), [Event.DONE] * 4, terms)[-1]
    assert (last.phase, last.kept_until) == (Phase.KEPT, last.changed_at)


def test_a_kept_version_can_be_taken_back() -> None:
    kept = walk(start("blue_green"), [Event.DONE] * 4)[-1]
    back = advance(kept, TERMS, Event.FAIL, 9, "by hand")
    assert (back.phase, split(back, TERMS).active, colours(back)) == (Phase.BACK, "blue", ("blue", "green"))
    assert colours(advance(back, TERMS, Event.DONE, 9)) == ("blue",)


events = st.lists(st.sampled_from([Event.DONE, Event.DONE, Event.DONE, Event.FAIL]), max_size=20)
beginnings = st.builds(
    start,
    st.sampled_from(["canary", "blue_green"]),
    st.sampled_from(["blue", "green", ""]),
) | st.just(start(old=PLAIN, adopt=True))


@given(beginnings, events)
def test_every_way_is_safe(beginning: State, happened: list[Event]) -> None:
    states = walk(beginning, happened)
    smoked = False
    for state in states:
        where = split(state, TERMS)
        assert sum(where.weights.values()) in (0, 100)
        if state.phase is Phase.STEP:
            smoked = True
        if state.old and not smoked:
            assert where.active in (state.old, ""), "nobody is sent to a version before its smoke tests"
            assert not where.weights
        if state.phase in (Phase.BACK, Phase.FAILED) and state.old:
            assert where.active == state.old or not state.adopted
            assert not where.weights
        running = colours(state)
        if where.active and state.phase not in (Phase.HOOK,) and (state.old or state.started):
            assert where.active in running, "the service's name leads to pods that run"
        assert all(colour in running for colour, weight in where.weights.items() if weight)
    last = states[-1]
    if Event.FAIL in happened[: len(states) - 1]:
        assert last.phase in (Phase.BACK, Phase.FAILED)
    assert State.from_json(last.to_json()) == last, "the next run finds what this one left"


@given(beginnings, events)
def test_enough_events_end_it(beginning: State, happened: list[Event]) -> None:
    states = walk(beginning, [*happened, *[Event.DONE] * 20])
    assert states[-1].ended


def test_what_ended_has_no_more_events() -> None:
    ended = walk(start(), [Event.DONE] * 9)[-1]
    with pytest.raises(ValueError, match="no more events"):
        advance(ended, TERMS, Event.DONE, 1)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"phase": "x"}', '{"phase": "kept", "record": [], "z": 1}', "[1]"]
)
def test_a_state_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        State.from_json(text)


def test_unjudged_blue_green_needs_no_requests() -> None:
    assert steps("blue_green", replace(TERMS, judged=False))[0].minimum == 0
    assert [step.minimum for step in steps("canary", TERMS)] == [0, 100, 100, 100, 100]
