# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""HTTP to one API server: a kept-alive connection per thread, and patience with passing failures."""

from __future__ import annotations

import base64
import http.client
import json
import random
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from .errors import ApiError, ClusterUnreachable
from .kubeconfig import Endpoint

REQUEST_TIMEOUT = 35.0
"""Seconds without an answer after which a request counts as lost (the API server's own limit is 34 s)."""

CONNECT_TIMEOUT = 6.0
"""Seconds for a connection and its TLS handshake."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0

_TRANSIENT_MESSAGE = re.compile(
    r"etcdserver: (?:.*timed out|leader changed|no leader|too many requests)"
    r"|failed calling webhook"
    r"|failed to call webhook"
    r"|connection refused|connection reset|unexpected EOF|context deadline exceeded"
    r"|apiserver is shutting down|server is currently unable"
)
_TRANSIENT_FORBIDDEN = re.compile(
    # Admission that waits for a controller which has not seen the new namespace or quota yet.
    r"status unknown for quota|error looking up service account .* not found|no API token found"
    r"|not yet ready to handle request"
)


def is_transient(error: ApiError) -> bool:
    """Whether the same request may well succeed a moment later.

    >>> is_transient(ApiError(503, "ServiceUnavailable", ""))
    True
    """
    if error.status in (429, 502, 503, 504):
        return True
    if error.status == 500:
        return bool(_TRANSIENT_MESSAGE.search(error.message))
    if error.status == 403:
        return bool(_TRANSIENT_FORBIDDEN.search(error.message))
    if error.status == 409:
        # A write that raced with another one; field conflicts and "already exists" do not pass by themselves.
        return "the object has been modified" in error.message
    return False


class _Connection(http.client.HTTPSConnection):
    """HTTPS to an address, checked against ``tls-server-name`` where the kubeconfig has one."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        super().__init__(endpoint.host, endpoint.port, timeout=timeout, context=endpoint.tls)
        self._endpoint = endpoint

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        if self._endpoint.tls is None or self.sock is None:
            raise TypeError("self._endpoint.tls or self.sock is missing")
        self.sock = self._endpoint.tls.wrap_socket(
            self.sock, server_hostname=self._endpoint.tls_server_name or self._endpoint.host
        )


class Transport:
    """Sends requests to ``endpoint``.

    ``patience``: seconds for which a request is tried again after its first failure (0: never).
    """

    def __init__(self, endpoint: Endpoint, patience: float = 60.0) -> None:
        self.endpoint = endpoint
        self.patience = patience
        self._local = threading.local()
        self._open: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()

    def request(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        patience: float | None = None,
    ) -> tuple[int, bytes]:
        """Answer of the server: HTTP status below 400 and the body.

        Raises :class:`ApiError` for other answers, :class:`ClusterUnreachable` when there is none.
        """
        limit = self.patience if patience is None else patience
        url = self._url(path, query)
        began, pause, attempts = 0.0, _FIRST_PAUSE, 0
        while True:
            attempts += 1
            wanted = None
            failure: ApiError | ClusterUnreachable
            try:
                status, answer_headers, answer = self._once(method, url, body, headers or {})
                if status < 400:
                    return status, answer
                failure = self._error(status, answer_headers, answer)
                if not is_transient(failure):
                    raise failure
                wanted = failure.retry_after
            except ssl.SSLCertVerificationError as error:
                raise ClusterUnreachable(
                    f"{self.endpoint.server}: its certificate was refused: {error.verify_message}"
                    f" (kubeconfig {self.endpoint.source})"
                ) from None
            except (OSError, http.client.HTTPException) as error:
                reused, sent = self._drop()
                if method == "POST" and sent:
                    # The server may have done it: asking again could do it twice.
                    raise ClusterUnreachable(
                        f"{self.endpoint.server} broke the connection during {method} {path}: {_say(error)}"
                    ) from None
                if reused and attempts == 1:
                    continue  # An idle connection that the server closed: no sign of trouble.
                failure = ClusterUnreachable(
                    f"{self.endpoint.server} does not answer: {_say(error)} "
                    f"(kubeconfig {self.endpoint.source}" + (f"; tried for {limit:g} s)" if limit else ")")
                )
            now = time.monotonic()
            began = began or now
            wait = max(wanted or 0.0, pause * (0.75 + random.random() / 2))
            if now + wait - began > limit:
                raise failure
            time.sleep(wait)
            pause = min(pause * 1.7, _LONGEST_PAUSE)

    def stream(self, path: str, query: dict[str, Any], timeout: float) -> LineStream:
        """Open a long answer (a watch) on its own connection; ``timeout``: seconds of silence allowed."""
        connection = self._new(CONNECT_TIMEOUT)
        try:
            connection.connect()
            connection.sock.settimeout(timeout)
            connection.request("GET", self._url(path, query), headers=self._headers({}))
            response = connection.getresponse()
            if response.status >= 400:
                raise self._error(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ClusterUnreachable(f"{self.endpoint.server} does not answer: {_say(error)}") from None
        except ApiError:
            connection.close()
            raise
        return LineStream(connection, response)

    def _new(self, timeout: float) -> http.client.HTTPConnection:
        if self.endpoint.tls is None:
            return http.client.HTTPConnection(self.endpoint.host, self.endpoint.port, timeout=timeout)
        return _Connection(self.endpoint, timeout)

    def _once(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, Any, bytes]:
        local = self._local
        connection = getattr(local, "connection", None)
        local.reused, local.sent = connection is not None, False
        if connection is None:
            connection = self._new(CONNECT_TIMEOUT)
            connection.connect()
            connection.sock.settimeout(REQUEST_TIMEOUT)
            local.connection = connection
            with self._lock:
                self._open.append(connection)
        local.sent = True
        connection.request(method, url, body=body, headers=self._headers(headers))
        response = connection.getresponse()
        data = response.read()
        if response.will_close:
            self._drop()
        if response.headers.get("Content-Encoding") == "gzip":
            data = zlib.decompress(data, 31)
        return response.status, response.headers, data

    def _drop(self) -> tuple[bool, bool]:
        local = self._local
        connection = getattr(local, "connection", None)
        if connection is not None:
            connection.close()
            with self._lock:
                if connection in self._open:
                    self._open.remove(connection)
        local.connection = None
        return getattr(local, "reused", False), getattr(local, "sent", False)

    def _url(self, path: str, query: dict[str, Any] | None) -> str:
        url = self.endpoint.prefix + path
        return f"{url}?{urlencode(query)}" if query else url

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        all_headers = {"Accept": "application/json", "User-Agent": "nilecare-platform", **headers}
        if self.endpoint.token:
            all_headers["Authorization"] = f"Bearer {self.endpoint.token}"
        return all_headers

    def _error(self, status: int, headers: Any, body: bytes) -> ApiError:
        try:
            content = json.loads(body)
        except ValueError:
            content = body.decode(errors="replace")
        after = str(headers.get("Retry-After") or "")
        error = ApiError.from_status(status, content, float(after) if after.isdigit() else None)
        if status == 401:
            error.message = (
                f"{self.endpoint.server} refused the credentials of kubeconfig {self.endpoint.source} "
                f"(401 Unauthorized): {_credentials(self.endpoint)}"
            )
        return error


class LineStream:
    """Lines of a long answer. :meth:`close` may be called from another thread and ends the iteration."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        self._socket = connection.sock
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            while True:
                line = self._response.readline()
                if not line:
                    return
                yield line
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            return  # Broken or closed: the caller lists and watches again.
        finally:
            self._connection.close()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            try:
                if self._socket is not None:
                    self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def _credentials(endpoint: Endpoint) -> str:
    """What can be said about refused credentials: when a token's own ``exp`` has passed, say so."""
    if not endpoint.token:
        return "the client certificate is not valid here, or has expired"
    parts = endpoint.token.split(".")
    if len(parts) == 3:
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
            expiry = float(claims["exp"])
        except (ValueError, KeyError, TypeError):
            return "the token is not valid here"
        if expiry < time.time():
            when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(expiry))
            return f"the token expired at {when}; write a new one into the kubeconfig"
    return "the token is not valid here, or has expired"


def _say(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.timeout):
        return "timed out"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
