"""A steady load of writes with known content, and what became of each.

The program runs as a pod and says in its log what was confirmed: it goes on whatever happens to the test.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.lab.harness import until

from .stores import CLIENT_NAMESPACE, Stores, client_pod, way_to_data

WRITES = """
import hashlib, json, pathlib, sys, time
import psycopg2
run, rate = int(sys.argv[1]), float(sys.argv[2])
access = {path.name: path.read_text() for path in pathlib.Path("/access").iterdir() if path.is_file()}
target = dict(host=access["host"], port=access["port"], user=access["username"], password=access["password"],
              dbname=access["database"], sslmode="verify-full", sslrootcert="/access/ca.crt",
              connect_timeout=3, keepalives_idle=2, keepalives_interval=1, keepalives_count=2,
              tcp_user_timeout=4000)
connection, number, began = None, 0, time.monotonic()
while True:
    number += 1
    time.sleep(max(0, began + number / rate - time.monotonic()))
    try:
        if connection is None:
            connection = psycopg2.connect(**target)
            with connection, connection.cursor() as cursor:
                cursor.execute("CREATE TABLE IF NOT EXISTS writes (run bigint, number bigint, content text,"
                               " PRIMARY KEY (run, number))")
        content = hashlib.sha256(f"{run}/{number}".encode()).hexdigest()
        with connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO writes VALUES (%s, %s, %s)", (run, number, content))
        print(json.dumps([time.time(), number, ""]), flush=True)
    except psycopg2.Error as error:
        connection = None
        began = time.monotonic() - number / rate
        print(json.dumps([time.time(), number, type(error).__name__ + ": " + str(error)[:160]]), flush=True)
        time.sleep(0.1)
"""


@dataclass
class Load:
    """Writes of one run.

    :param confirmed: numbers of writes that were confirmed, in order, with the time of day of each.
    :param refused: what was said of the others.
    """

    stores: Stores
    run: int
    name: str
    confirmed: list[tuple[float, int]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def read(self) -> Load:
        """Read the log anew."""
        text = self.stores.lab.kubectl("logs", "--namespace", CLIENT_NAMESPACE, self.name, timeout=60)
        entries = [json.loads(line) for line in text.splitlines() if line.startswith("[")]
        self.confirmed = [(moment, number) for moment, number, error in entries if not error]
        self.refused = [error for _moment, _number, error in entries if error]
        return self

    def more(self, number: int, seconds: float) -> None:
        """Wait for so many more confirmed writes."""
        before = len(self.read().confirmed)
        until(lambda: len(self.read().confirmed) >= before + number, seconds, f"{number} more writes")

    def pause(self) -> float:
        """Seconds of the longest time without a confirmed write."""
        moments = [moment for moment, _number in self.confirmed]
        return max((b - a for a, b in itertools.pairwise(moments)), default=0.0)

    def lost(self) -> list[int]:
        """Confirmed writes that the primary does not have, or has with another content."""
        check = "encode(sha256(convert_to(run || '/' || number, 'UTF8')), 'hex')"
        text = self.stores.sql(
            self.stores.writers()[0],
            f"SELECT number FROM writes WHERE run = {self.run} AND content = {check}",
            "billing",
        )
        there = {int(number) for number in text.split()}
        return sorted({number for _moment, number in self.confirmed} - there)

    def report(self, what: str) -> None:
        """Print the figures that the documentation takes."""
        print(
            f"   {what}: {len(self.confirmed)} writes confirmed, {len(self.lost())} of them lost,"
            f" {len(self.refused)} refused, longest time without a write {self.pause():.1f} s",
            flush=True,
        )


@contextmanager
def steady_writes(stores: Stores, machine: str, rate: float = 20.0) -> Iterator[Load]:
    """Writes from a pod on a machine, until the block ends."""
    run = time.time_ns() // 10**6
    load = Load(stores, run, f"writes-{run}")
    stores.apply(way_to_data(), client_pod(load.name, WRITES, [str(run), str(rate)], machine=machine))
    try:
        until(lambda: len(load.read().confirmed) >= 40, 180, "the first writes")
        yield load
    finally:
        stores.lab.kubectl(
            "delete", "pod", "--namespace", CLIENT_NAMESPACE, load.name, "--wait=false", "--ignore-not-found"
        )
