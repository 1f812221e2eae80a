# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a build is: item k of n, elapsed time, estimate of what is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from .plan import Unit

Say = Callable[[str], None]


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds: 754 -> `12:34`."""
    minutes, rest = divmod(int(max(0, seconds)), 60)
    return f"{minutes}:{rest:02d}"


def remaining(expected: Sequence[int], done: int, spent: float) -> float:
    """Seconds left, from expected seconds a unit, corrected by how fast the done ones really were.

    The correction stays within a factor of four, because the first units are short.
    """
    past, left = sum(expected[:done]), sum(expected[done:])
    pace = min(4.0, max(0.25, spent / past)) if past >= 30 else 1.0
    return left * pace


class Progress:
    """Tells about units as they are built."""

    def __init__(self, units: Sequence[Unit], say: Say, now: Callable[[], float] = time.monotonic) -> None:
        self.units = list(units)
        self.say = say
        self.now = now
        self.started = now()
        self.done = 0

    def _line(self, text: str) -> None:
        spent = self.now() - self.started
        left = remaining([unit.seconds for unit in self.units], self.done, spent)
        number = min(self.done + 1, len(self.units))
        times = f"elapsed {clock(spent)}, about {clock(left)} left"
        self.say(f"bundle: item {number} of {len(self.units)}  {text}  ({times})")

    def start(self, unit: Unit) -> None:
        """A unit's build begins."""
        self._line(f"{unit.name} {unit.recipe.version}")

    def tick(self, unit: Unit, detail: str) -> None:
        """A unit's build goes on."""
        self._line(f"{unit.name}: {detail}")

    def finish(self) -> None:
        """A unit is built."""
        self.done += 1
