# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks a route through an address of the edge, as a client from outside does."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PORT = 443
LARGEST_BODY = 65536  # bytes of an answer that are looked at


@dataclass(frozen=True)
class Answer:
    """What came back.

    :param status: HTTP status; 0 when nothing came.
    :param zone: what the answer says of where it was made (docs/service-contract.md); empty when nothing.
    :param error: why nothing came.
    """

    status: int = 0
    zone: str = ""
    error: str = ""

    @property
    def good(self) -> bool:
        """Whether a service answered: also with no (4xx), but not the edge in its place (5xx)."""
        return 0 < self.status < 500


@dataclass(frozen=True)
class Route:
    """One public URL, and what was answered through each address of the edge, by the address's name."""

    url: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    @property
    def zones(self) -> dict[str, int]:
        """How many answers came from each zone."""
        found = [answer.zone for answers in self.answers.values() for answer in answers if answer.zone]
        return {zone: found.count(zone) for zone in sorted(set(found))}

    @property
    def dead(self) -> bool:
        """Whether no address led to a good answer."""
        return not any(answer.good for answers in self.answers.values() for answer in answers)


def silence(route: Route) -> str:
    """In words, why a route is dead. Pure."""
    last = {name: answers[-1] for name, answers in route.answers.items()}
    why = [f"{name}: {answer.error or f'status {answer.status}'}" for name, answer in last.items()]
    return f"{route.url} is answered through no address: {', '.join(why)}"


def zone_of(body: bytes) -> str:
    """The field ``zone`` of an answer in JSON. Pure."""
    try:
        value = json.loads(body).get("zone", "")
    except (ValueError, AttributeError):
        return ""
    return value if isinstance(value, str) else ""


class _ToAddress(http.client.HTTPSConnection):
    """A connection to one address, whatever the name leads to. The certificate must be for the name."""

    def __init__(self, host: str, address: str, port: int, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._tls = context
        self._address = address

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def ask(urls: Sequence[str], address: str, context: ssl.SSLContext, timeout: float) -> list[Answer]:
    """One GET request for each URL, over one connection a host. Who cannot be reached is not tried again."""
    connections: dict[str, _ToAddress] = {}
    unreachable: dict[str, Answer] = {}
    answers = []
    for url in urls:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if host not in connections:
            connections[host] = _ToAddress(host, address, parts.port or PORT, context, timeout)
            try:
                connections[host].connect()
            except OSError as error:
                unreachable[host] = Answer(error=str(error) or type(error).__name__)
        answers.append(unreachable.get(host) or _get(connections[host], parts.path or "/"))
    for connection in connections.values():
        connection.close()
    return answers


def _get(connection: _ToAddress, path: str) -> Answer:
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        response = connection.getresponse()
        body = response.read(LARGEST_BODY)
        if not response.isclosed():
            connection.close()
        return Answer(response.status, zone_of(body))
    except (OSError, http.client.HTTPException) as error:
        # The next request makes it anew.
        connection.close()
        return Answer(error=str(error) or type(error).__name__)


def ask_all(
    urls: Sequence[str], addresses: dict[str, str], context: ssl.SSLContext, times: int, timeout: float
) -> list[Route]:
    """Asks every URL through every address, ``times`` times at once so that more than one pod is met."""
    routes = [Route(url, {name: [] for name in addresses}) for url in urls]
    if not addresses or not routes:
        return []
    with ThreadPoolExecutor(max_workers=times * len(addresses)) as pool:
        asked = [
            (name, pool.submit(ask, urls, address, context, timeout))
            for name, address in addresses.items()
            for _turn in range(times)
        ]
        for name, answers in asked:
            for route, answer in zip(routes, answers.result(), strict=True):
                route.answers[name].append(answer)
    return routes
