# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the agent answers: probes, Prometheus, and other members."""

from __future__ import annotations

import http.server
import logging
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from . import wire
from .server import Error, Look, Server
from .settings import Settings

LOG = logging.getLogger(__name__)
KEPT = 0.5
"""Seconds for which an answer of the server is good for more than one question."""
FROZEN = 900.0
"""Seconds without a look after which the agent is taken for dead; to join a group may take minutes."""


def not_ready(look: Look, behind: int) -> str:
    """Why a member does not serve clients; empty when it does."""
    if look.seen.state != "ONLINE":
        return f"is {look.seen.state}"
    if not look.seen.quorum:
        return "sees no majority of its group"
    if look.offline:
        return "refuses clients"
    if look.queue > behind:
        return f"is {look.queue} transactions behind, {behind} are allowed"
    return ""


def metrics(look: Look | None, behind: int) -> str:
    """A member as Prometheus reads it."""
    values: dict[str, float] = {"nilecare_mysql_up": float(look is not None)}
    if look is not None:
        values |= {
            "nilecare_mysql_ready": float(not not_ready(look, behind)),
            "nilecare_mysql_online": float(look.seen.state == "ONLINE"),
            "nilecare_mysql_quorum": float(look.seen.quorum),
            "nilecare_mysql_primary": float(look.seen.primary),
            "nilecare_mysql_members_online": float(look.online),
            "nilecare_mysql_applier_queue": float(look.queue),
            "nilecare_mysql_transactions": float(len(look.seen.executed)),
        }
    return "".join(f"# TYPE {name} gauge\n{name} {value:g}\n" for name, value in values.items())


class Pulse:
    """When the agent last looked at its member."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def beat(self) -> None:
        """It does now."""
        self._at = time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether it did lately."""
        return time.monotonic() - self._at < FROZEN


class Watch:
    """The member's server, asked by several at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._kept: tuple[float, Look | None] = (float("-inf"), None)

    def look(self, kept: float = KEPT) -> Look | None:
        """What the server says of itself; None when it does not answer.

        :param kept: seconds that the answer may be old.
        """
        asked = time.monotonic()
        with self._lock:
            at, known = self._kept
            if asked - at <= kept:
                return known
            try:
                known = self._server.look()
            except (Error, OSError) as error:
                LOG.debug("the server: %s", error)
                known = None
            self._kept = (time.monotonic(), known)
            return known


def answer(path: str, trusted: bool, watch: Watch, pulse: Pulse, behind: int) -> tuple[int, str]:
    """Status and text.

    :param trusted: whether the other side has shown the store's certificate.
    """
    if path == "/live":
        return (200, "alive\n") if pulse.alive else (503, "has not looked for long\n")
    if path == "/metrics":
        return 200, metrics(watch.look(), behind)
    if path == "/ready":
        look = watch.look()
        why = "the server does not answer" if look is None else not_ready(look, behind)
        return (503, f"{why}\n") if why else (200, "ready\n")
    if path == "/state":
        if not trusted:
            return 403, "members only\n"
        # What was true before the question came is of no use to whoever asks.
        look = watch.look(0.0)
        return (503, "the server does not answer\n") if look is None else (200, wire.write(look.seen))
    return 404, "no such page\n"


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    timeout = 10
    respond: Callable[[str, bool], tuple[int, str]]
    store: str

    def do_GET(self) -> None:
        """Answer a question."""
        status, text = self.respond(self.path.partition("?")[0], self._trusted())
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _trusted(self) -> bool:
        certificate = self.connection.getpeercert() or {}
        return any(name == self.store for _kind, name in certificate.get("subjectAltName", ()))

    def log_message(self, format: str, *args: Any) -> None:
        """Probes are not worth a line."""


class Web(http.server.ThreadingHTTPServer):
    """Listens with TLS; a slow greeting holds up nobody else."""

    daemon_threads = True

    def __init__(self, settings: Settings, watch: Watch, pulse: Pulse) -> None:
        self._settings = settings
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_verify_locations(f"{settings.certificates}/ca.crt")
        # Probes and Prometheus have none.
        self._context.verify_mode = ssl.CERT_OPTIONAL
        self.read_certificate()

        def respond(path: str, trusted: bool) -> tuple[int, str]:
            return answer(path, trusted, watch, pulse, settings.behind)

        members = {"respond": staticmethod(respond), "store": store_address(settings)}
        super().__init__(("", settings.agent_port), type("StoreHandler", (Handler,), members))

    def read_certificate(self) -> None:
        """Take over a certificate that was renewed."""
        files = self._settings.certificates
        self._context.load_cert_chain(f"{files}/tls.crt", f"{files}/tls.key")

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Greet in the connection's own thread."""
        request.settimeout(Handler.timeout)
        with self._context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hung up is not worth a line."""
        LOG.debug("a connection of %s failed", client_address, exc_info=True)


def store_address(settings: Settings) -> str:
    """The name of the store itself, which the members' certificate is for and that of no client."""
    return settings.domain.replace("-members.", ".", 1)
