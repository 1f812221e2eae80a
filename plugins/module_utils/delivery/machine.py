# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The states of a delivery and the ways between them. Pure: the same event in the same state, the same
answer.

A state says everything about where traffic goes and which versions run, so whoever finds it in the cluster
(the run that wrote it, or the next one after a kill) brings the cluster to it and goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from ..services.terms import HEADER_STEP, Terms

# A version that was deployed by the rolling strategy has no colour; it gets this one.
PLAIN = "plain"
COLOURS = ("blue", "green")


class Phase(StrEnum):
    """Where a delivery is, in order; BACK and FAILED may follow any of those before KEPT, BACK also KEPT."""

    ADOPT = "adopt"  # The version without a colour gets the label that tells it apart.
    HOOK = "hook"  # What must be done before, such as a change of the schema.
    START = "start"  # The new version's pods come up; nobody asks them.
    SMOKE = "smoke"
    STEP = "step"  # Traffic goes to it, more with every step.
    KEPT = "kept"  # It serves alone; the old one waits for being wanted back.
    DONE = "done"
    BACK = "back"  # All traffic is with the old one again; the new one finishes what it began.
    FAILED = "failed"


class Event(StrEnum):
    """What happened to a delivery."""

    DONE = "done"  # What the phase is for.
    FAIL = "fail"


ENDED = frozenset({Phase.DONE, Phase.FAILED})
# Those in which a run has nothing to wait for.
RESTING = ENDED | {Phase.KEPT}


@dataclass(frozen=True)
class Step:
    """One step.

    :param weight: percent of all requests that go to the new version.
    :param by_header: whether requests with the header go to it (at every step of a canary).
    :param seconds: for how long it is held.
    :param minimum: requests without which there is no verdict.
    """

    name: str
    weight: int
    by_header: bool
    seconds: float
    minimum: int


def steps(strategy: str, terms: Terms) -> list[Step]:
    """The steps of a strategy, in order."""
    least = terms.minimum_requests if terms.judged else 0
    if strategy == "blue_green":
        return [Step("switch", 100, False, terms.watch_seconds, least)]
    found = []
    for text in terms.steps:
        # Whoever sends the header is testing, and need not be many.
        if text == HEADER_STEP:
            found.append(Step(HEADER_STEP, 0, True, terms.hold_seconds, 0))
        else:
            found.append(Step(f"{text} %", int(text), bool(terms.header), terms.hold_seconds, least))
    return found


@dataclass(frozen=True)
class State:
    """A delivery.

    :param strategy: blue_green or canary.
    :param version: the new version's tag; :param old_version: the one that it replaces.
    :param fingerprint: of the new version's pods.
    :param old: colour of the version that served before; empty when there is none.
    :param new: colour of the new one.
    :param step: number of the step, from 0.
    :param changed_at: when the phase or the step began; seconds since 1970, UTC.
    :param kept_until: when the old version may go; seconds since 1970, UTC.
    :param reason: why it was taken back.
    :param record: a line for each step that ended, with its figures.
    :param adopted: whether the pods of the old version bear its colour.
    :param started: whether pods of the new version were made.
    """

    strategy: str
    version: str
    fingerprint: str
    new: str
    old: str = ""
    old_version: str = ""
    phase: Phase = Phase.HOOK
    step: int = 0
    changed_at: float = 0.0
    kept_until: float = 0.0
    reason: str = ""
    record: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)
    adopted: bool = True
    started: bool = False

    def to_json(self) -> str:
        """As it lies in the cluster."""
        return json.dumps({**asdict(self), "phase": self.phase.value}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> State:
        """The reverse.

        :raises ValueError: it is no state that this version of the collection knows.
        """
        try:
            value = json.loads(text)
            known = {entry.name for entry in fields(cls)}
            unknown = sorted(set(value) - known)
            if unknown:
                raise ValueError(f"unknown: {', '.join(unknown)}")
            value["phase"], value["record"] = Phase(value["phase"]), tuple(value["record"])
            return cls(**value)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(str(error)) from error

    @property
    def ended(self) -> bool:
        return self.phase in ENDED

    @property
    def resting(self) -> bool:
        return self.phase in RESTING


def begin(
    strategy: str, version: str, fingerprint: str, old: str, old_version: str, adopt: bool, now: float
) -> State:
    """A new delivery.

    :param old: colour of the version that serves; empty when there is none.
    :param adopt: whether that version has yet to be given its colour.
    """
    new = next(colour for colour in COLOURS if colour != old)
    first = Phase.ADOPT if adopt else Phase.HOOK
    return State(
        strategy, version, fingerprint, new, old, old_version, first, changed_at=now, adopted=not adopt
    )


def advance(state: State, terms: Terms, event: Event, now: float, reason: str = "") -> State:
    """The state after an event.

    :raises ValueError: the event cannot happen in this state.
    """
    if state.ended:
        raise ValueError(f"a delivery that is {state.phase.value} has no more events")
    if event is Event.FAIL:
        if state.phase is Phase.BACK:
            return state  # Taking back is not given up.
        # Nothing serves that could be gone back to, or nothing of the new version is there yet.
        ended = not state.old or state.phase is Phase.ADOPT
        after = Phase.FAILED if ended else Phase.BACK
        return replace(state, phase=after, reason=reason, changed_at=now)
    following = {
        Phase.ADOPT: Phase.HOOK,
        Phase.HOOK: Phase.START,
        Phase.START: Phase.SMOKE,
        Phase.SMOKE: Phase.STEP if state.old else Phase.DONE,
        Phase.KEPT: Phase.DONE,
        Phase.BACK: Phase.FAILED,
    }
    if state.phase is not Phase.STEP:
        after = following[state.phase]
        return replace(
            state,
            phase=after,
            changed_at=now,
            adopted=True,
            started=state.started or after is Phase.START,
        )
    if state.step + 1 < len(steps(state.strategy, terms)):
        return replace(state, step=state.step + 1, changed_at=now)
    # Also when it is not to be kept: all must have heard of the way to the new one before the old one goes.
    return replace(state, phase=Phase.KEPT, changed_at=now, kept_until=now + terms.keep_seconds)


@dataclass(frozen=True)
class Split:
    """Where requests go.

    :param active: colour that the service's own name leads to; empty when it leads to pods of any colour.
    :param weights: percent by colour, where the mesh divides them; empty when it does not.
    :param header: the header that leads to the new colour; empty when none does.
    :param new: that colour.
    """

    active: str
    weights: Mapping[str, int] = field(default_factory=dict)
    header: str = ""
    new: str = ""


def split(state: State, terms: Terms) -> Split:
    """Where requests go in a state."""
    if not state.adopted:
        return Split("")
    if state.phase in (Phase.KEPT, Phase.DONE) or not state.old:
        return Split(state.new)
    if state.phase is not Phase.STEP:
        return Split(state.old)
    planned = steps(state.strategy, terms)
    step = planned[min(state.step, len(planned) - 1)]
    if state.strategy == "blue_green":
        return Split(state.new)
    weights = {state.old: 100 - step.weight, state.new: step.weight}
    return Split(state.old, weights, terms.header if step.by_header else "", state.new)


def colours(state: State) -> tuple[str, ...]:
    """The colours whose pods run in a state: the active one first."""
    if state.phase in (Phase.ADOPT, Phase.HOOK) or (state.phase is Phase.FAILED and state.old):
        return (state.old,) if state.old else ()
    if state.phase is Phase.DONE or not state.old:
        return (state.new,) if state.started or state.phase is Phase.DONE else ()
    pair = (state.old, state.new)
    return pair if state.phase is not Phase.KEPT else (state.new, state.old)
