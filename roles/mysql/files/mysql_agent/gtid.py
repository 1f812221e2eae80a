# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Sets of transactions as MySQL writes them: ``<source>:1-5:7,<source>:<tag>:1-3``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

Range = tuple[int, int]
"""First and last number, both in it."""


@dataclass(frozen=True)
class GtidSet:
    """Transactions by who gave them their numbers.

    :param ranges: by source (with its tag, as ``<source>:<tag>``): sorted, apart from each other, not empty.
    """

    ranges: Mapping[str, tuple[Range, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> GtidSet:
        """What MySQL wrote.

        :raises ValueError: it is no such set.
        """
        found: dict[str, list[Range]] = {}
        for part in "".join(text.split()).split(","):
            if not part:
                continue
            source, *rest = part.lower().split(":")
            key = source
            if not rest:
                raise ValueError(f"{part!r} names no transactions")
            for one in rest:
                if one[:1].isdigit():
                    first, _dash, last = one.partition("-")
                    found.setdefault(key, []).append((int(first), int(last or first)))
                else:
                    key = f"{source}:{one}"
        return cls({key: _joined(ranges) for key, ranges in found.items()})

    @property
    def sources(self) -> frozenset[str]:
        """Who gave the numbers, without tags."""
        return frozenset(key.partition(":")[0] for key in self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __len__(self) -> int:
        return sum(last - first + 1 for ranges in self.ranges.values() for first, last in ranges)

    def __or__(self, other: GtidSet) -> GtidSet:
        keys = {*self.ranges, *other.ranges}
        return GtidSet({key: _joined([*self._of(key), *other._of(key)]) for key in keys})

    def __sub__(self, other: GtidSet) -> GtidSet:
        left = {key: tuple(_without(ranges, other._of(key))) for key, ranges in self.ranges.items()}
        return GtidSet({key: ranges for key, ranges in left.items() if ranges})

    def __and__(self, other: GtidSet) -> GtidSet:
        return self - (self - other)

    def contains(self, other: GtidSet) -> bool:
        """Whether nothing of the other is missing."""
        return not other - self

    def _of(self, key: str) -> tuple[Range, ...]:
        return self.ranges.get(key, ())

    def __str__(self) -> str:
        texts = []
        for key, ranges in sorted(self.ranges.items()):
            numbers = (f"{first}-{last}" if last > first else str(first) for first, last in ranges)
            texts.append(":".join([key, *numbers]))
        return ",".join(texts)


def _joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    joined: list[Range] = []
    for first, last in sorted(ranges):
        if last < first:
            raise ValueError(f"{first}-{last} is no range")
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def _without(ranges: Iterable[Range], others: Iterable[Range]) -> Iterator[Range]:
    taken = list(others)
    for begin, end in ranges:
        first = begin
        for low, high in taken:
            if high < first or low > end:
                continue
            if low > first:
                yield first, low - 1
            first = high + 1
        if first <= end:
            yield first, end
