# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a build is: item k of n, elapsed time, estimate of what is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from .plan import Unit

Say = Callable[[str], None]


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds: 754 -> `12:34`."""
    minutes, rest = divmod(int(max(0, seconds)), 60)
    return f"{minutes}:{rest:02d}"


def remaining(done: float, left: float, spent: float) -> float:
    """Seconds left, from expected seconds done and left, corrected by how fast the done ones really were.

    The correction stays within a factor of four, because the first units are short.
    """
    pace = min(4.0, max(0.25, spent / done)) if done >= 30 else 1.0
    return left * pace


class Progress:
    """Tells about units as they are built; several may be under way at once."""

    def __init__(self, units: Sequence[Unit], say: Say, now: Callable[[], float] = time.monotonic) -> None:
        self.say = say
        self.now = now
        self.started = now()
        self.total = len(units)
        self.numbers: dict[str, int] = {}
        self.done = 0.0
        self.left = float(sum(unit.seconds for unit in units))
        self.lock = threading.Lock()

    def _line(self, unit: Unit, text: str) -> None:
        with self.lock:
            number = self.numbers.setdefault(unit.name, len(self.numbers) + 1)
            spent = self.now() - self.started
            times = f"elapsed {clock(spent)}, about {clock(remaining(self.done, self.left, spent))} left"
            self.say(f"bundle: item {number} of {max(self.total, number)}  {text}  ({times})")

    def start(self, unit: Unit) -> None:
        """A unit's build begins."""
        self._line(unit, f"{unit.name} {unit.recipe.version}")

    def tick(self, unit: Unit, detail: str) -> None:
        """A unit's build goes on."""
        self._line(unit, f"{unit.name}: {detail}")

    def finish(self, unit: Unit) -> None:
        """A unit is built."""
        with self.lock:
            self.done += unit.seconds
            self.left -= unit.seconds
