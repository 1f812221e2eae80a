"""A steady stream of requests from outside the cluster, and what became of each."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any


@dataclass
class Traffic:
    """Requests at a fixed rate to one path of the edge, while it is entered as a context.

    :param addresses: the edge's addresses, one a site; taken in turn, as a resolver does.
    :param host: public name, checked against the certificate.
    :param authority: PEM file of the CA that signed the certificate.
    :param rate: requests a second.
    :param falls_over: a request whose connection fails is sent to the next address, as curl and browsers do
        with a name that has several; otherwise it is lost.
    """

    addresses: list[str]
    host: str
    path: str
    authority: Path
    rate: float = 10
    falls_over: bool = False
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._context = ssl.create_default_context(cafile=str(self.authority))
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Traffic:
        pacer = threading.Thread(target=self._pace, daemon=True)
        self._threads.append(pacer)
        pacer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in list(self._threads):
            thread.join(timeout=60)

    def _pace(self) -> None:
        number = 0
        while not self._ended.wait(1 / self.rate):
            thread = threading.Thread(target=self._ask, args=(number,), daemon=True)
            self._threads = [t for t in self._threads if t.is_alive()] + [thread]
            thread.start()
            number += 1

    def _ask(self, number: int) -> None:
        count = len(self.addresses) if self.falls_over else 1
        order = [self.addresses[(number + k) % len(self.addresses)] for k in range(count)]
        try:
            connection = connect(order, self.host, self._context)
            status, answer = ask(connection, self.path)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.lost.append(f"{time.strftime('%H:%M:%S')} {order[0]} {type(error).__name__}: {error}")
            return
        self.answers.append((status, answer))
        if status != 200:
            self.lost.append(f"{time.strftime('%H:%M:%S')} status {status}")

    def count(self, key: str) -> Counter[str]:
        """How often each value of a field stood in the answers."""
        return Counter(str(answer.get(key)) for _moment, answer in self.answers)


def connect(addresses: list[str], host: str, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    """Connect to the first of the addresses that answers within 2 s, under a public name.

    :raises OSError: none answered, or a certificate is not for this name.
    """
    failure: OSError = OSError("no address")
    for address in addresses:
        connection = http.client.HTTPSConnection(host, timeout=20, context=context)
        try:
            plain = socket.create_connection((address, 443), timeout=2)
            plain.settimeout(20)
            connection.sock = context.wrap_socket(plain, server_hostname=host)
        except OSError as error:
            failure = error
        else:
            return connection
    raise failure


def ask(connection: http.client.HTTPSConnection, path: str) -> tuple[int, dict[str, Any]]:
    """One request; the answer's status and JSON."""
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    return response.status, json.loads(body) if body.startswith(b"{") else {}
