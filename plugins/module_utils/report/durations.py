# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Durations for people, and how long a run still takes by the last one."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field


def human(seconds: float) -> str:
    """Write a duration (seconds) as people do: 0.4 s, 12 s, 3 min 05 s, 1 h 02 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def clock(seconds: float) -> str:
    """Write a duration (seconds) as a clock: 0:07, 12:30, 1:02:05."""
    whole = max(0, int(seconds))
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


@dataclass
class Durations:
    """When each task of a run began (seconds after its start), in order, and how long the run took."""

    seconds: float = 0.0
    tasks: list[tuple[str, float]] = field(default_factory=list)

    def to_json(self) -> dict[str, t.Any]:
        """Return what is kept between runs."""
        return {
            "schema": 1,
            "seconds": round(self.seconds, 2),
            "tasks": [[k, round(s, 2)] for k, s in self.tasks],
        }

    @classmethod
    def from_json(cls, data: t.Any) -> Durations:
        """Read what was kept; anything unreadable counts as no memory at all, for it is only an estimate."""
        try:
            return cls(float(data["seconds"]), [(str(key), float(start)) for key, start in data["tasks"]])
        except (KeyError, TypeError, ValueError):
            return cls()


class Estimate:
    """How long this run still takes, from the run before.

    The two runs are compared where they stand in the same task. This run's pace against the last one's at
    that point scales what the last one still had to do: a second run, in which nothing changes, is far
    faster than a first. ``grace`` (seconds) keeps the first tasks, which tell little, from deciding.
    """

    def __init__(self, last: Durations, grace: float = 5.0) -> None:
        self._last = last
        self._grace = grace
        self._position = -1
        self._began = 0.0

    def enter(self, key: str, now: float) -> None:
        """Note that the task ``key`` begins at ``now`` (seconds after the run's start)."""
        for index in range(self._position + 1, len(self._last.tasks)):
            if self._last.tasks[index][0] == key:
                self._position = index
                self._began = now
                return

    def remaining(self, now: float) -> float | None:
        """Return the seconds still to go at ``now``, or None where nothing is known."""
        if self._position < 0:
            return None
        then = self._last.tasks[self._position][1]
        pace = (self._began + self._grace) / (then + self._grace)
        return max(0.0, (self._last.seconds - then) * pace - (now - self._began))
