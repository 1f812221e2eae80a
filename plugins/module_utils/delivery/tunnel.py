# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""HTTP to a pod from outside the cluster, through kubectl's port forwarding.

The connection is made within the pod, so no network policy has to be opened for it, and who may do this is
a right of its own (create pods/portforward).
"""

from __future__ import annotations

import contextlib
import http.client
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ..kubernetes.errors import KubernetesError

START_SECONDS = 20.0
ANSWER_SECONDS = 15.0
_FORWARDING = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+)")


class TunnelError(KubernetesError):
    """The pod could not be reached, or broke off."""


def find_kubectl(kubeconfig: str) -> str:
    """kubectl beside the kubeconfig (the bundle's), or on the PATH.

    :raises TunnelError: there is none.
    """
    near = Path(kubeconfig).expanduser().parent / "bin" / "kubectl"
    if near.is_file():
        return str(near)
    found = shutil.which("kubectl")
    if found is None:
        raise TunnelError(f"kubectl was not found: neither {near} nor on the PATH")
    return found


class Tunnel:
    """A forwarded port of one pod, while it is open."""

    def __init__(self, kubeconfig: str, namespace: str, pod: str, port: int | str) -> None:
        self.title = f"pod {namespace}/{pod}, port {port}"
        self._command = [
            find_kubectl(kubeconfig),
            f"--kubeconfig={Path(kubeconfig).expanduser()}",
            f"--namespace={namespace}",
            "port-forward",
            f"pod/{pod}",
            f":{port}",
            "--address=127.0.0.1",
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def open(self) -> None:
        """Start forwarding.

        :raises TunnelError: it did not come up in time.
        """
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        output = self._process.stdout
        deadline = time.monotonic() + START_SECONDS
        while output is not None and time.monotonic() < deadline:
            ready, _writable, _failed = select.select([output], [], [], 0.2)
            line = output.readline() if ready else b""
            match = _FORWARDING.search(line)
            if match:
                self._port = int(match.group(1))
                return
            if self._process.poll() is not None:
                break
        message = self._last_words()
        self.close()
        raise TunnelError(f"{self.title} cannot be reached: {message or 'no answer in time'}")

    def _last_words(self) -> str:
        process = self._process
        if process is None or process.stderr is None:
            return ""
        process.kill()
        return process.stderr.read().decode(errors="replace").strip()

    def close(self) -> None:
        """Stop forwarding."""
        if self._process is not None:
            self._process.kill()
            for stream in (self._process.stdout, self._process.stderr):
                if stream is not None:
                    stream.close()
            self._process.wait()
            self._process = None

    @property
    def is_open(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """One GET request: status and body.

        :raises TunnelError: no answer.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise TunnelError(f"{self.title} does not answer: {error or type(error).__name__}") from error
        finally:
            connection.close()


@contextlib.contextmanager
def tunnel(kubeconfig: str, namespace: str, pod: str, port: int | str) -> Iterator[Tunnel]:
    """An open tunnel, closed at the end."""
    opened = Tunnel(kubeconfig, namespace, pod, port)
    opened.open()
    try:
        yield opened
    finally:
        opened.close()
