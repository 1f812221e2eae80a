# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Where a delivery's state lies, who works on it, and what people want of it."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from ..kubernetes.client import Client
from ..kubernetes.errors import ApiError, KubernetesError
from .machine import State

MANAGER = "nilecare-delivery"
# Seconds after which a run that renews no more counts as gone.
LEASE_SECONDS = 15
COMMANDS = ("pause", "promote", "abort")
_API = "coordination.k8s.io/v1"


class Store:
    """The ConfigMap of one service's delivery. The state is the run's to write, the command people's."""

    def __init__(self, client: Client, object_name: str, namespace: str) -> None:
        self.client = client
        self.name = f"{object_name}-delivery"
        self.namespace = namespace

    def _data(self) -> dict[str, str]:
        found = self.client.get("v1", "ConfigMap", self.name, self.namespace)
        return dict((found or {}).get("data") or {})

    def load(self) -> State | None:
        """The state, or None when there never was a delivery.

        :raises KubernetesError: there is one that this version does not understand.
        """
        text = self._data().get("state")
        if not text:
            return None
        try:
            return State.from_json(text)
        except ValueError as error:
            raise KubernetesError(
                f"ConfigMap {self.namespace}/{self.name} holds no state of a delivery: {error}"
            ) from error

    def save(self, state: State) -> None:
        """Write the state; a command stays as it is."""
        self._apply({"state": state.to_json()}, MANAGER)

    def command(self) -> str:
        """What people want: pause, promote, abort, or nothing."""
        return self._data().get("command", "")

    def order(self, command: str) -> None:
        """Say what is wanted; nothing takes it back."""
        self._apply({"command": command}, f"{MANAGER}-command")

    def _apply(self, data: dict[str, str], manager: str) -> None:
        self.client.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": self.name,
                    "namespace": self.namespace,
                    "labels": {"app.kubernetes.io/part-of": "nilecare"},
                },
                "data": data,
            },
            manager,
            force=True,
        )


class LeaseHeldError(KubernetesError):
    """Another run is at work."""


class Lease:
    """A Lease that is renewed by a thread while it is held.

    Whether a holder is alive is judged by whether it renews while we look, not by comparing clocks.
    """

    def __init__(
        self, client: Client, object_name: str, namespace: str, seconds: float = LEASE_SECONDS
    ) -> None:
        self.client = client
        self.name = f"{object_name}-delivery"
        self.namespace = namespace
        self.seconds = seconds
        self.holder = f"{socket.gethostname()}-{os.getpid()}-{time.time_ns() % 10**9}"
        self._version = ""
        self._renewed = 0.0
        self._ended = threading.Event()

    @contextlib.contextmanager
    def held(self) -> Iterator[Lease]:
        """Take it, renew it, give it back.

        :raises LeaseHeldError: somebody else renews it.
        """
        self._acquire()
        self._ended.clear()
        thread = threading.Thread(target=self._renew, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join(timeout=self.seconds)
            self._release()

    def check(self) -> None:
        """Raise when it was lost: somebody else may be at work since."""
        if time.monotonic() - self._renewed > self.seconds:
            raise KubernetesError(
                f"the lease {self.namespace}/{self.name} could not be renewed for {self.seconds:.0f} s;"
                " the delivery stays as it is, and the next run takes it up"
            )

    def _acquire(self) -> None:
        deadline = time.monotonic() + self.seconds + 2
        seen: str | None = None
        while True:
            found = self.client.get(_API, "Lease", self.name, self.namespace)
            holder = ((found or {}).get("spec") or {}).get("holderIdentity")
            if found is None or not holder or time.monotonic() > deadline:
                if self._write(found):
                    return
                seen = None
                continue
            version = found["metadata"]["resourceVersion"]
            if seen is not None and version != seen:
                raise LeaseHeldError(
                    f"{holder} is delivering this service at this moment"
                    f" (Lease {self.namespace}/{self.name}). Nothing was changed."
                )
            seen = version
            time.sleep(min(1.0, self.seconds / 5))

    def _write(self, found: dict[str, Any] | None, holder: str | None = None) -> bool:
        began = time.monotonic()
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        spec = {
            "holderIdentity": self.holder if holder is None else holder,
            "leaseDurationSeconds": max(1, round(self.seconds)),
            "renewTime": now,
        }
        body: dict[str, Any] = {
            "apiVersion": _API,
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": spec,
        }
        path = self.client.resource(_API, "Lease").path(self.namespace, None if found is None else self.name)
        try:
            if found is None:
                answer = self.client.request("POST", path, None, body)
            else:
                body["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
                answer = self.client.request("PUT", path, None, body)
        except ApiError as error:
            if error.status in (404, 409):
                return False
            raise
        self._version = answer["metadata"]["resourceVersion"]
        self._renewed = began
        return True

    def _renew(self) -> None:
        while not self._ended.wait(self.seconds / 3):
            with contextlib.suppress(KubernetesError):
                found = self.client.get(_API, "Lease", self.name, self.namespace)
                if found is None or (found.get("spec") or {}).get("holderIdentity") != self.holder:
                    return
                self._write(found)

    def _release(self) -> None:
        with contextlib.suppress(KubernetesError):
            found = self.client.get(_API, "Lease", self.name, self.namespace)
            if found is not None and (found.get("spec") or {}).get("holderIdentity") == self.holder:
                self._write(found, "")
