# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""From numbers to a verdict on one step of a delivery. Pure: no clock, no cluster.

A version is taken back as soon as a limit is *certainly* exceeded (so a few bad answers among few do not do
it, and a bad version does not get its whole hour), and goes on only when at the end of the step every limit
is kept and there was enough traffic to say so. What cannot be measured is never taken for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from ..services.terms import Terms
from .numbers import Counts, certainly_more

# The share of answers whose slowest is compared.
PERCENTILE = 0.95


class Action(Enum):
    """What to do with a step."""

    HOLD = "hold"
    NEXT = "next"
    BACK = "back"


class Mark(Enum):
    """What one check says."""

    GOOD = "good"
    OPEN = "open"  # It cannot be said yet.
    BAD = "bad"


@dataclass(frozen=True)
class Check:
    """One condition; ``text`` has the numbers, for people."""

    name: str
    mark: Mark
    text: str


@dataclass(frozen=True)
class Measures:
    """What was seen since the step began.

    :param new, old: answers of both versions.
    :param baseline: answers of the stable version that the new one is compared with; None without any.
    :param restarts: of the new version's containers, since it was started.
    :param saturation: the largest share of its limit that CPU or memory of the new version uses, 0 to 1; None
        when it is not known.
    :param gates: by the name of the service's own gates; None when the query gave nothing.
    :param trouble: why nothing could be measured; empty when it could.
    """

    new: Counts = field(default_factory=Counts)
    old: Counts = field(default_factory=Counts)
    baseline: Counts | None = None
    restarts: int = 0
    saturation: float | None = None
    gates: Mapping[str, float | None] = field(default_factory=dict)
    trouble: str = ""


@dataclass(frozen=True)
class Decision:
    """What to do, why, and what every check said."""

    action: Action
    reason: str
    checks: tuple[Check, ...] = ()


def decide(
    terms: Terms, seconds: float, held: float, minimum: int, measures: Measures, paused: bool = False
) -> Decision:
    """Judge one step.

    :param seconds: for how long the step is to be held.
    :param held: for how long it was.
    :param minimum: requests to the new version without which nothing is said.
    :param paused: somebody wants it to stay as it is; it is taken back all the same when it is bad.
    """
    checks = tuple(_checks(terms, minimum, measures))
    bad = [check.text for check in checks if check.mark is Mark.BAD]
    if bad:
        return Decision(Action.BACK, "; ".join(bad), checks)
    unclear = "; ".join(check.text for check in checks if check.mark is Mark.OPEN)
    if paused:
        return Decision(Action.HOLD, "it is paused", checks)
    if held < seconds:
        return Decision(Action.HOLD, f"{held:.0f} of {seconds:.0f} s", checks)
    if not unclear:
        return Decision(Action.NEXT, "; ".join(check.text for check in checks), checks)
    if held < seconds + terms.no_data_seconds:
        return Decision(Action.HOLD, f"no verdict yet: {unclear}", checks)
    return Decision(Action.BACK, f"no verdict after {held:.0f} s: {unclear}", checks)


def _checks(terms: Terms, minimum: int, measures: Measures) -> list[Check]:
    checks = [_restarts(measures)]
    if terms.judged:
        checks += [
            _traffic(minimum, measures),
            _errors(terms, measures),
            _latency(terms, minimum, measures),
            _saturation(terms, measures),
        ]
        checks += [_gate(name, gate.maximum, measures) for gate in terms.gates for name in (gate.name,)]
    return checks


def _restarts(measures: Measures) -> Check:
    count = measures.restarts
    mark = Mark.BAD if count else Mark.GOOD
    return Check("restarts", mark, f"its containers restarted {count} times" if count else "no restart")


def _traffic(minimum: int, measures: Measures) -> Check:
    if measures.trouble:
        return Check("traffic", Mark.OPEN, measures.trouble)
    enough = measures.new.requests >= minimum
    text = f"{measures.new.requests:.0f} requests" + ("" if enough else f" of at least {minimum}")
    return Check("traffic", Mark.GOOD if enough else Mark.OPEN, text)


def _errors(terms: Terms, measures: Measures) -> Check:
    new, stable = measures.new, measures.baseline.error_rate if measures.baseline else 0.0
    allowed = min(1.0, terms.error_rate + stable)
    text = (
        f"{new.error_rate:.1%} errors ({new.errors:.0f} of {new.requests:.0f}),"
        f" at most {allowed:.1%} are accepted (stable: {stable:.1%})"
    )
    if certainly_more(new.errors, new.requests, allowed):
        return Check("errors", Mark.BAD, text)
    return Check("errors", Mark.OPEN if new.error_rate > allowed else Mark.GOOD, text)


def _latency(terms: Terms, minimum: int, measures: Measures) -> Check:
    new = measures.new.quantile(PERCENTILE)
    if new is None:
        # Without requests there is nothing to be slow; whether that is enough the traffic's check says.
        return Check("latency", Mark.GOOD if minimum == 0 else Mark.OPEN, "no answer was timed")
    stable = measures.baseline.quantile(PERCENTILE) if measures.baseline else None
    if stable is None:
        mark = Mark.GOOD if minimum == 0 else Mark.OPEN
        return Check("latency", mark, f"p95 {_ms(new)}, and nothing of the stable version to compare with")
    allowed = max(stable * terms.latency_factor, stable + terms.latency_slack)
    text = f"p95 {_ms(new)}, at most {_ms(allowed)} is accepted (stable: {_ms(stable)})"
    slow = measures.new.slower_than(allowed)
    total = max(measures.new.buckets.values())
    if certainly_more(slow, total, 1 - PERCENTILE):
        return Check("latency", Mark.BAD, text)
    return Check("latency", Mark.OPEN if new > allowed else Mark.GOOD, text)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _saturation(terms: Terms, measures: Measures) -> Check:
    used = measures.saturation
    if used is None:
        return Check("saturation", Mark.OPEN, "use of CPU and memory is not known")
    text = f"{used:.0%} of its CPU or memory used"
    if used > terms.saturation:
        return Check("saturation", Mark.OPEN, f"{text}, at most {terms.saturation:.0%} is accepted")
    return Check("saturation", Mark.GOOD, text)


def _gate(name: str, maximum: float, measures: Measures) -> Check:
    value = measures.gates.get(name)
    if value is None:
        return Check(name, Mark.OPEN, f"{name}: the query gives nothing")
    text = f"{name}: {value:g}, at most {maximum:g} is accepted"
    return Check(name, Mark.GOOD if value <= maximum else Mark.BAD, text)
