"""What became of each of a steady load's writes or messages, whatever kind of store takes them.

The load is a pod that says in its log what was confirmed: it goes on whatever happens to the test.
"""

from __future__ import annotations

import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from tests.lab.harness import until

from .clients import Client, way_out
from .stores import Stores

Load = TypeVar("Load", bound="Confirmed")


@dataclass
class Confirmed(ABC):
    """Writes of one run.

    :param client: the service whose access the load has.
    :param name: of the load's pod.
    :param confirmed: numbers of writes that were confirmed, in order, with the time of day of each.
    :param refused: what was said of the others.
    """

    stores: Stores
    client: Client
    run: int
    name: str
    confirmed: list[tuple[float, int]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @abstractmethod
    def lost(self) -> list[int]:
        """Confirmed writes that are not there, or have another content."""

    def entry(self, line: str) -> tuple[float, int, str] | None:
        """Moment, number and error (empty: confirmed) of a line in the log; nothing for others."""
        return tuple(json.loads(line)) if line.startswith("[") else None

    def read(self) -> Self:
        """Read the log anew."""
        text = self.stores.lab.kubectl("logs", "--namespace", self.client.namespace, self.name, timeout=60)
        entries = [entry for line in text.splitlines() if (entry := self.entry(line))]
        self.confirmed = [(moment, number) for moment, number, error in entries if not error]
        self.refused = [error for _moment, _number, error in entries if error]
        return self

    def more(self, number: int, seconds: float) -> None:
        """Wait for so many more confirmed writes."""
        before = len(self.read().confirmed)
        until(lambda: len(self.read().confirmed) >= before + number, seconds, f"{number} more writes")

    def pause(self) -> float:
        """Seconds of the longest time without a confirmed write."""
        moments = sorted(moment for moment, _number in self.confirmed)
        return max((b - a for a, b in itertools.pairwise(moments)), default=0.0)

    def without(self, there: set[int]) -> list[int]:
        """Confirmed writes that are not among these."""
        return sorted({number for _moment, number in self.confirmed} - there)

    def report(self, what: str, lost: list[int] | None = None) -> None:
        """Print the figures that the documentation takes.

        :param lost: where it is known already.
        """
        number = len(self.lost() if lost is None else lost)
        print(
            f"   {self.client.store}, {what}: {len(self.confirmed)} confirmed, {number} of them lost,"
            f" {len(self.refused)} refused, longest time without one {self.pause():.1f} s",
            flush=True,
        )


@contextmanager
def steady(load: Load, pod: dict[str, Any], to: str, seconds: float = 180) -> Iterator[Load]:
    """A load from a pod, until the block ends.

    :param to: namespace of the store.
    :param seconds: for the first forty writes.
    """
    stores, where = load.stores, ("--namespace", load.client.namespace)
    stores.apply(way_out(load.client.namespace, to, f"test-{load.client.store}"), pod)
    try:
        until(lambda: len(load.read().confirmed) >= 40, seconds, "the first writes")
        yield load
    finally:
        stores.lab.kubectl("delete", "pod", *where, load.name, "--wait=false", "--ignore-not-found")


def answer(stores: Stores, pod: dict[str, Any], client: Client, to: str, seconds: float) -> str:
    """What a pod's program wrote until it ended.

    :param to: namespace of the store.
    """
    name, where = pod["metadata"]["name"], ("--namespace", client.namespace)
    stores.apply(way_out(client.namespace, to, f"test-{client.store}"), pod)

    def ended() -> bool:
        return stores.lab.get("pod", name, *where)["status"]["phase"] in ("Succeeded", "Failed")

    try:
        until(ended, seconds, f"an answer of {name}")
        return stores.lab.kubectl("logs", *where, name, timeout=60).strip()
    finally:
        stores.lab.kubectl("delete", "pod", *where, name, "--wait=false")
