"""A steady load of writes with known content into PostgreSQL, and what became of each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from .clients import Client
from .confirmed import Confirmed, steady
from .stores import CLIENT, CLIENT_NAMESPACE, Stores, client_pod

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


class Load(Confirmed):
    """Writes into PostgreSQL."""

    def lost(self) -> list[int]:
        """Confirmed writes that the primary does not have, or has with another content."""
        check = "encode(sha256(convert_to(run || '/' || number, 'UTF8')), 'hex')"
        text = self.stores.sql(
            self.stores.writers()[0],
            f"SELECT number FROM writes WHERE run = {self.run} AND content = {check}",
            "billing",
        )
        return self.without({int(number) for number in text.split()})


@contextmanager
def steady_writes(stores: Stores, machine: str, rate: float = 20.0) -> Iterator[Load]:
    """Writes from a pod on a machine, until the block ends."""
    run = time.time_ns() // 10**6
    load = Load(stores, Client("postgresql", CLIENT, CLIENT_NAMESPACE), run, f"writes-{run}")
    with steady(load, client_pod(load.name, WRITES, [str(run), str(rate)], machine=machine), "data"):
        yield load
