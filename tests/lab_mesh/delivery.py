"""Deliveries in the lab: the playbooks that a user runs, and traffic from outside while they do."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.lab.edge import HOST, authority, edge_addresses
from tests.lab.harness import Lab, Ran, Running, until
from tests.lab.traffic import Traffic, connect


@dataclass
class Service:
    """One service of the lab, delivered in a way that the tests choose.

    :param terms: variables that every delivery of the test has.
    """

    lab: Lab
    name: str
    namespace: str
    path: str
    terms: dict[str, Any] = field(default_factory=dict)
    port: int = 0
    caller: tuple[str, str] | None = None

    @property
    def object_name(self) -> str:
        return f"{self.name}-service"

    def _arguments(self, version: str, terms: dict[str, Any]) -> list[str]:
        values = json.dumps({**self.terms, **terms})
        return ["--limit", self.name, "-e", f"version={version}", "-e", values]

    def deliver(self, version: str, **terms: Any) -> Ran:
        """Run services.yml to its end."""
        return self.lab.run("services", *self._arguments(version, terms))

    def start(self, version: str, **terms: Any) -> Running:
        """Start services.yml."""
        return self.lab.start("services", *self._arguments(version, terms))

    def command(self, name: str, **terms: Any) -> Ran:
        """One of the playbooks delivery_*.yml."""
        values = json.dumps({**self.terms, **terms})
        return self.lab.run(f"delivery_{name}", "--limit", self.name, "-e", values)

    def state(self) -> dict[str, Any]:
        """The delivery's state, as it lies in the cluster; empty before the first."""
        try:
            found = self.lab.get("configmap", f"{self.object_name}-delivery", "--namespace", self.namespace)
        except AssertionError as error:
            assert "not found" in str(error), error
            return {}
        state: dict[str, Any] = json.loads(found["data"]["state"])
        return state

    def reached(self, phase: str, step: int = 0) -> bool:
        """Whether a delivery is in a phase, and for steps at least at this one."""
        state = self.state()
        return state.get("phase") == phase and (phase != "step" or state["step"] >= step)

    def colour(self) -> str:
        """The colour that the service's name leads to; empty for pods of any."""
        found = self.lab.get("service", self.object_name, "--namespace", self.namespace)
        return str(found["spec"]["selector"].get("nilecare.sd/colour", ""))

    def images(self) -> dict[str, str]:
        """Tag by Deployment."""
        found = self.lab.get(
            "deployments", "--namespace", self.namespace, "--selector", f"app={self.object_name}"
        )
        return {
            d["metadata"]["name"]: d["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
            for d in found["items"]
        }

    def traffic(self, rate: float = 10.0) -> Timed:
        """Requests through the edge, or from a caller in the mesh where one is named."""
        if self.caller:
            return Inside(self, self.port, self.caller, rate)
        return Timed(edge_addresses(self.lab), HOST, self.path, authority(self.lab), rate=rate)

    def version(self, headers: dict[str, str]) -> str:
        """The version that answers one request through the edge that has these headers."""
        context = ssl.create_default_context(cafile=authority(self.lab))
        connection = connect(edge_addresses(self.lab), HOST, context)
        try:
            connection.request("GET", self.path, headers=headers)
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return str(answer["version"])


class _Noted(list[tuple[int, dict[str, Any]]]):
    """Answers, of which each is noted with its moment when it comes."""

    def __init__(self, moments: list[tuple[float, int, str]]) -> None:
        super().__init__()
        self.moments = moments

    def append(self, entry: tuple[int, dict[str, Any]]) -> None:
        super().append(entry)
        self.moments.append((time.monotonic(), entry[0], str(entry[1].get("version", ""))))


@dataclass
class Timed(Traffic):
    """Traffic that knows when each answer came."""

    moments: list[tuple[float, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.answers = _Noted(self.moments)

    def versions(self, since: float = 0.0, until: float = float("inf")) -> dict[str, int]:
        """How many answers of each version came within a time."""
        found: dict[str, int] = {}
        for moment, _status, version in self.moments:
            if since <= moment <= until:
                found[version] = found.get(version, 0) + 1
        return found

    def last(self, version: str) -> float:
        """When a version answered for the last time."""
        return max((moment for moment, _status, found in self.moments if found == version), default=0.0)

    def first(self, version: str) -> float:
        """When a version answered for the first time."""
        return min((moment for moment, _status, found in self.moments if found == version), default=0.0)

    def report(self, what: str) -> None:
        """Print the figures that the note takes."""
        errors = sum(1 for _moment, status, _version in self.moments if status >= 500)
        print(
            f"   {what}: {len(self.answers)} answers, {len(self.lost)} lost, {errors} errors,"
            f" {self.versions()}",
            flush=True,
        )


def edge_in_mesh(lab: Lab) -> bool:
    """Whether there is an edge, and every pod of it has its proxy."""
    pods = lab.get("pods", "--namespace", "edge", "--selector", "app=edge")["items"]
    proxies = [
        any(
            c["name"] == "istio-proxy"
            for c in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]
        )
        for pod in pods
    ]
    return bool(proxies) and all(proxies)


def has_prometheus(lab: Lab) -> bool:
    """Whether there is a Prometheus that can be asked."""
    pods = lab.get("pods", "--all-namespaces", "--selector", "app.kubernetes.io/name=prometheus")["items"]
    return any(all(c["ready"] for c in pod["status"].get("containerStatuses", [])) for pod in pods)


# Requests from a pod of the mesh over one kept connection; a line of JSON for each answer.
CALLS = """
import http.client, json, os, sys, threading, time
# Whoever asked for it is gone when the input ends; a process in a pod is not ended by that alone.
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
host, port, path, rate = json.loads(sys.argv[1])
connection, began, number = None, time.monotonic(), 0
while True:
    number += 1
    time.sleep(max(0, began + number / rate - time.monotonic()))
    try:
        if connection is None:
            connection = http.client.HTTPConnection(host, port, timeout=35)
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        version = json.loads(body).get("version", "") if body.startswith(b"{") else ""
        print(json.dumps([response.status, version]), flush=True)
    except (OSError, http.client.HTTPException) as error:
        connection = None
        print(json.dumps([0, f"{type(error).__name__}: {error}"]), flush=True)
"""


class Inside(Timed):
    """The same from a pod of a declared caller in the mesh, whose proxy divides the requests."""

    def __init__(self, service: Service, port: int, caller: tuple[str, str], rate: float) -> None:
        super().__init__([], "", service.path, authority(service.lab), rate=rate)
        self.service = service
        self.port = port
        self.caller = caller
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Inside:
        lab, (namespace, name) = self.service.lab, self.caller
        host = f"{self.service.object_name}.{self.service.namespace}.svc.cluster.local"
        command = [str(lab.state / "bin" / "kubectl"), "--kubeconfig", str(lab.state / "kubeconfig")]
        command += [
            "exec",
            "--stdin",
            "--namespace",
            namespace,
            f"deployment/{name}",
            "--container",
            name,
        ]
        argument = json.dumps([host, self.port, self.path, self.rate])
        self._process = subprocess.Popen(
            [*command, "--", "python3", "-u", "-c", CALLS, argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        thread = threading.Thread(target=self._read, daemon=True)
        self._threads.append(thread)
        thread.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        if self._process is not None:
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process.wait(timeout=30)

    def _read(self) -> None:
        stream = self._process.stdout if self._process else None
        for line in stream or ():
            status, version = json.loads(line)
            if status:
                self.answers.append((status, {"version": version}))
            if status != 200:
                self.lost.append(f"{time.strftime('%H:%M:%S')} {status} {version}")


@contextmanager
def steady(service: Service, rate: float = 10.0) -> Iterator[Timed]:
    """Traffic that has begun to be answered, until the block ends and a little longer."""
    traffic = service.traffic(rate)
    with traffic:
        until(lambda: len(traffic.answers) >= 10, 60, "the first answers")
        yield traffic
        more(traffic, 50)


def more(traffic: Timed, number: int) -> None:
    """Wait for so many more answers."""
    before = len(traffic.answers)
    until(lambda: len(traffic.answers) >= before + number, 60, f"{number} more answers")
