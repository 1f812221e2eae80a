"""Writers with known content, by the way that a service has: the writers' address, TLS, its own user."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import Any

import pymysql

from .members import Group

PATIENCE = 30


class Load:
    """Some writers at once, until they are stopped."""

    def __init__(self, group: Group, password: str, run: int, writers: int = 4, rate: float = 10.0) -> None:
        self.group, self.password, self.run, self.rate = group, password, run, rate
        self.confirmed: list[tuple[float, int]] = []
        self.refused: list[str] = []
        self._where = ""
        self._ended = threading.Event()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._follow, daemon=True)]
        self._threads += [threading.Thread(target=self._write, daemon=True) for _number in range(writers)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(PATIENCE + 10)

    def _follow(self) -> None:
        """Where the Service leads, as every node knows it a moment later."""
        while not self._ended.wait(0.5):
            with suppress(Exception):
                self._where = self.group.writer_address()

    def connect(self, where: str = "", **given: Any) -> Any:
        values: dict[str, Any] = {
            "host": self.group.store.address,
            "user": "ehr",
            "password": self.password,
            "database": "clinical",
            "ssl": ssl.create_default_context(cafile=str(self.group.certificates / "ca.crt")),
            "autocommit": True,
            "read_timeout": PATIENCE,
            "defer_connect": True,
        }
        connection = pymysql.connect(**{**values, **given})
        connection.connect(socket.create_connection((where or self._where, 3306), 3))
        return connection

    def _write(self) -> None:
        connection: Any = None
        while not self._ended.wait(1 / self.rate):
            number = next(self._numbers)
            try:
                if not self._where:
                    continue
                if connection is None:
                    connection = self.connect()
                with connection.cursor() as cursor:
                    cursor.execute("INSERT INTO writes VALUES (%s, %s)", (self.run, number))
                with self._lock:
                    self.confirmed.append((time.monotonic(), number))
            except (pymysql.err.MySQLError, OSError) as error:
                with self._lock:
                    self.refused.append(str(error))
                if connection is not None:
                    with suppress(Exception):
                        connection._force_close()
                connection = None

    def more(self, count: int, seconds: float) -> None:
        goal, deadline = len(self.confirmed) + count, time.monotonic() + seconds
        while len(self.confirmed) < goal:
            if time.monotonic() > deadline:
                raise AssertionError(f"not {count} more writes within {seconds} s: {self.refused[-3:]}")
            time.sleep(0.1)

    def pause(self) -> float:
        moments = sorted(moment for moment, _number in self.confirmed)
        return max((b - a for a, b in itertools.pairwise(moments)), default=0.0)

    def lost(self, member: Any) -> list[int]:
        rows = member.ask(f"SELECT number FROM clinical.writes WHERE run = {self.run}").split()
        there = {int(row) for row in rows}
        return sorted({number for _moment, number in self.confirmed} - there)
