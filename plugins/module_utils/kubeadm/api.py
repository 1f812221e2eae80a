# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A small HTTPS client for the API server and etcd, for machines that have only Python's standard library."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import ssl
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

Json = dict[str, Any]
T = TypeVar("T")


class UnreachableError(Exception):
    """The server did not answer: refused, timed out, cut off, or its certificate is not the expected one."""


class RefusedError(Exception):
    """The server answered with an error. ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Kubeconfig:
    """The one cluster and user of a kubeconfig; certificates as PEM text, never as paths."""

    server: str
    ca: str
    certificate: str = ""
    key: str = ""
    server_name: str = ""

    @property
    def has_credentials(self) -> bool:
        return bool(self.certificate and self.key)


def parse_kubeconfig(text: str, root: Path = Path("/")) -> Kubeconfig:
    """The kubeconfig in ``text`` as kubeadm, the kubelet or we write it: one cluster, one user.

    A certificate named by path is read below ``root``; one that cannot be read counts as not given.
    Not a YAML parser, because a bare machine has none: the keys we need are unique in such a file.
    """

    def value(key: str) -> str:
        found = re.search(rf"^[\s-]*{re.escape(key)}:[ \t]*(\S.*?)[ \t]*$", text, re.MULTILINE)
        return found[1].strip("\"'") if found else ""

    def pem(key: str) -> str:
        data = value(f"{key}-data")
        if data:
            try:
                return base64.b64decode(data, validate=True).decode()
            except ValueError:
                return ""
        path = value(key)
        try:
            return (root / path.lstrip("/")).read_text() if path else ""
        except OSError:
            return ""

    return Kubeconfig(
        server=value("server"),
        ca=pem("certificate-authority"),
        certificate=pem("client-certificate"),
        key=pem("client-key"),
        server_name=value("tls-server-name"),
    )


def read_kubeconfig(path: Path, root: Path = Path("/")) -> Kubeconfig | None:
    """The kubeconfig at ``path`` (below ``root`` already), or None where there is none."""
    try:
        return parse_kubeconfig(path.read_text(), root)
    except OSError:
        return None


def render_kubeconfig(config: Kubeconfig, server: str, server_name: str, cluster_name: str) -> str:
    """``config`` for another way to the server, as YAML. The same input gives the same text."""

    def encode(pem: str) -> str:
        return base64.b64encode(pem.encode()).decode()

    user = f"{cluster_name}-admin"
    return f"""\
apiVersion: v1
kind: Config
current-context: {cluster_name}
clusters:
- name: {cluster_name}
  cluster:
    server: {server}
    tls-server-name: {server_name}
    certificate-authority-data: {encode(config.ca)}
users:
- name: {user}
  user:
    client-certificate-data: {encode(config.certificate)}
    client-key-data: {encode(config.key)}
contexts:
- name: {cluster_name}
  context:
    cluster: {cluster_name}
    user: {user}
"""


def _context(ca: str, certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate and key:
        # ssl reads key pairs from files only. mkstemp makes the file 0600.
        handle, name = tempfile.mkstemp(prefix="nilecare-")
        try:
            with os.fdopen(handle, "w") as file:
                file.write(certificate if key == certificate else f"{certificate}\n{key}\n")
            context.load_cert_chain(name)
        finally:
            Path(name).unlink()
    return context


class _Connection(http.client.HTTPSConnection):
    """An HTTPS connection that may expect another name in the certificate than the one it dials."""

    def __init__(self, host: str, port: int, name: str, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(host, port, context=context, timeout=timeout)
        self._name = name or host
        self._tls = context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


class Client:
    """JSON requests to one server over one kept-alive connection. ``timeout`` is seconds a request."""

    def __init__(
        self, server: str, ca: str, certificate: str = "", key: str = "", name: str = "", timeout: float = 10
    ) -> None:
        url = urlsplit(server)
        self.server = server
        try:
            context = _context(ca, certificate, key)
        except (ssl.SSLError, ValueError) as error:
            raise UnreachableError(f"{server}: the certificates at hand cannot be used: {error}") from error
        self._connection = _Connection(url.hostname or "", url.port or 443, name, context, timeout)

    @classmethod
    def of(cls, config: Kubeconfig, timeout: float = 10) -> Client:
        """A client for the cluster of a kubeconfig."""
        return cls(
            config.server, config.ca, config.certificate, config.key, config.server_name, timeout=timeout
        )

    def request(
        self, method: str, path: str, body: Json | None = None, content_type: str = "application/json"
    ) -> Json:
        """The JSON answer. Raises RefusedError for an HTTP error, UnreachableError where none came."""
        headers = {"Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        for last in (False, True):
            fresh = self._connection.sock is None
            try:
                self._connection.request(method, path, data, headers)
                response = self._connection.getresponse()
                answer = response.read()
                break
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                # A kept-alive connection may have been closed by the server meanwhile: once more.
                if last or fresh:
                    raise UnreachableError(f"{self.server}: {error or type(error).__name__}") from error
        try:
            parsed = json.loads(answer) if answer else {}
        except ValueError:
            parsed = {"message": answer.decode(errors="replace")}
        if not isinstance(parsed, dict):
            parsed = {"value": parsed}
        if response.status >= 400:
            message = parsed.get("message") or parsed.get("error") or str(parsed)
            raise RefusedError(response.status, f"{method} {path}: {response.status}: {message}")
        return parsed

    def get(self, path: str) -> Json | None:
        """The object at ``path``, or None where there is none (404)."""
        try:
            return self.request("GET", path)
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    def delete(self, path: str) -> bool:
        """Deletes the object at ``path``; says whether it was there."""
        try:
            self.request("DELETE", path)
        except RefusedError as error:
            if error.status == 404:
                return False
            raise
        return True

    def close(self) -> None:
        self._connection.close()


def patiently(
    action: Callable[[], T],
    seconds: float,
    pause: float = 1.0,
    statuses: Iterable[int] = (429, 500, 502, 503, 504),
) -> T:
    """``action()``, tried again for ``seconds`` while the server does not answer or is not ready yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            return action()
        except UnreachableError:
            if time.monotonic() >= end:
                raise
        except RefusedError as error:
            if error.status not in statuses or time.monotonic() >= end:
                raise
        time.sleep(pause)
