"""Clients of Valkey: a steady load of writes with known content, and who is let in.

They speak as much of the protocol as it takes, from a pod with the access that a service has.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import confirmed
from .clients import Client, pod_of
from .confirmed import Confirmed, steady
from .stores import Stores

NAMESPACE = "data"
AUTH = Client("redis", "auth", "infrastructure")

PROGRAM = """
import json, pathlib, socket, ssl, sys, time
what, run, rate, extra = sys.argv[1], sys.argv[2], float(sys.argv[3]), json.loads(sys.argv[4])
given = {"host": "redis.data.svc.cluster.local", "port": "6379", "username": "auth", "password": "any"}
access = given | {p.name: p.read_text() for p in pathlib.Path("/access").iterdir() if p.is_file()} | extra

class Connection:
    def __init__(self):
        raw = socket.create_connection((access["host"], int(access["port"])), 5)
        raw.settimeout(5)
        if access.get("tls") == "no":
            self.socket = raw
        else:
            context = ssl.create_default_context(cafile="/access/ca.crt")
            self.socket = context.wrap_socket(raw, server_hostname=access["host"])
        self.stream = self.socket.makefile("rb")
        self.done("AUTH", access["username"], access["password"])
    def do(self, *words):
        parts = [str(word).encode() for word in words]
        lines = [b"*%d" % len(parts)]
        for part in parts:
            lines += [b"$%d" % len(part), part]
        self.socket.sendall(b"\\r\\n".join([*lines, b""]))
        return self.read()
    def done(self, *words):
        answer = self.do(*words)
        if answer != "OK":
            raise OSError(answer)
    def read(self):
        line = self.stream.readline()
        if not line:
            raise OSError("the connection was closed")
        kind, text = line[:1], line[1:-2].decode()
        if kind == b"$":
            return None if text == "-1" else self.stream.read(int(text) + 2)[:-2].decode()
        if kind == b"*":
            return [self.read() for _ in range(int(text))]
        return int(text) if kind == b":" else text

if what == "try":
    try:
        print(json.dumps(Connection().do(*access["command"].split())))
    except OSError as error:
        print("refused:", " ".join(str(error).split()))
elif what == "read":
    connection, found = Connection(), []
    for first in range(1, int(rate) + 1, 500):
        numbers = range(first, first + 500)
        values = connection.do("MGET", *(f"auth:{run}:{number}" for number in numbers))
        found += [number for number, value in zip(numbers, values) if value == f"{run}/{number}"]
    print(json.dumps(found))
else:
    connection, number, began = None, 0, time.monotonic()
    while True:
        number += 1
        time.sleep(max(0, began + number / rate - time.monotonic()))
        try:
            if connection is None:
                connection = Connection()
            connection.done("SET", f"auth:{run}:{number}", f"{run}/{number}")
            if what == "write-two" and connection.do("WAIT", 1, 1000) < 1:
                raise OSError("no replica has it")
            print(json.dumps([time.time(), number, ""]), flush=True)
        except (OSError, TypeError) as error:
            connection, began = None, time.monotonic() - number / rate
            print(json.dumps([time.time(), number, str(error)[:160]]), flush=True)
            time.sleep(0.1)
"""


def program(what: str, run: str = "", rate: float = 20, **extra: str) -> list[str]:
    """Command of a client: ``write``, ``write-two`` (with WAIT 1), ``read`` or ``try``."""
    return ["python3", "-u", "-c", PROGRAM, what, run, str(rate), json.dumps(extra)]


def answer(stores: Stores, name: str, command: list[str], client: Client = AUTH) -> str:
    """What a pod's program wrote until it ended."""
    return confirmed.answer(stores, pod_of(client, name, command), client, NAMESPACE, 180)


class Writes(Confirmed):
    """Writes into Valkey."""

    def lost(self) -> list[int]:
        """Confirmed writes that are not there, or have another content."""
        last = max((number for _moment, number in self.confirmed), default=0)
        there = answer(self.stores, f"read-{self.name}", program("read", str(self.run), last))
        return self.without(set(json.loads(there)))


@contextmanager
def steady_writes(stores: Stores, machine: str, kind: str = "write") -> Iterator[Writes]:
    """Writes from a pod on a machine, until the block ends.

    :param kind: ``write``, or ``write-two`` where a write counts when a replica has it too.
    """
    run = time.time_ns() // 10**6
    load = Writes(stores, AUTH, run, f"{kind}-redis-{run}")
    with steady(load, pod_of(AUTH, load.name, program(kind, str(run)), machine=machine), NAMESPACE):
        yield load
