"""What tests ask of stores: members and their roles, and pods beside them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from tests.lab.harness import Lab, until

from .clients import Client, pod_of, way_out

ROLE = "nilecare.sd/role"
PSQL = "/usr/lib/postgresql/18/bin/psql -XAtq -h /var/run/postgresql -U postgres"
CLIENT_NAMESPACE, CLIENT = "business", "billing"


@dataclass
class Stores:
    """The lab's stores."""

    lab: Lab

    def members(self, store: str = "postgresql", namespace: str = "data") -> list[dict[str, Any]]:
        """The store's pods."""
        items: list[dict[str, Any]] = self.lab.get(
            "pods", "--namespace", namespace, "--selector", f"app={store}"
        )["items"]
        return items

    def ready(self, store: str = "postgresql", namespace: str = "data") -> list[str]:
        """Names of the members that are ready."""
        return [pod["metadata"]["name"] for pod in self.members(store, namespace) if is_ready(pod)]

    def await_all(self, seconds: float = 240) -> None:
        """Wait until all three members are ready."""
        until(lambda: len(self.ready()) == 3, seconds, "three members of PostgreSQL are ready")

    def leader(self) -> str:
        """Who holds the lock, as the cluster's own object says."""
        endpoints = self.lab.get("endpoints", "postgresql", "--namespace", "data")
        return str(endpoints["metadata"]["annotations"].get("leader", ""))

    def machine_of(self, pod: str, namespace: str = "data") -> str:
        """The machine that a pod is on."""
        return str(self.lab.get("pod", pod, "--namespace", namespace)["spec"]["nodeName"])

    def sql(self, member: str, text: str, database: str = "postgres") -> str:
        """Ask a member as its superuser, in its pod."""
        return self.lab.kubectl(
            "exec", "--namespace", "data", member, "--", *PSQL.split(), "-d", database, "-c", text
        ).strip()

    def writers(self) -> list[str]:
        """Every member that would take a write. Those that do not answer take none."""
        found = []
        for pod in self.members():
            name = pod["metadata"]["name"]
            try:
                if self.sql(name, "SELECT pg_is_in_recovery()") == "f":
                    found.append(name)
            except (AssertionError, subprocess.TimeoutExpired):
                continue
        return found

    def writers_on(self, machine: str) -> bool:
        """Whether the member of a machine would take a write, asked on the machine itself."""
        command = (
            f"crictl exec $(crictl ps --name '^postgresql$' --quiet) {PSQL} -c 'SELECT pg_is_in_recovery()'"
        )
        return self.lab.machine(machine, "sh", "-c", command, timeout=30).stdout.strip() == "f"

    def apply(self, *objects: dict[str, Any]) -> None:
        """Put objects into the cluster."""
        command = [str(self.lab.state / "bin" / "kubectl")]
        command += ["--kubeconfig", str(self.lab.state / "kubeconfig"), "apply", "-f", "-"]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether a pod is ready, and not on its way out."""
    conditions = pod["status"].get("conditions", [])
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def client_pod(
    name: str, script: str, arguments: list[str], *, machine: str = "", namespace: str = CLIENT_NAMESPACE
) -> dict[str, Any]:
    """A pod that runs a program in Python with the access that a service of PostgreSQL has."""
    client = Client("postgresql", CLIENT, namespace)
    return pod_of(client, name, ["python3", "-u", "-c", script, *arguments], machine=machine)


def way_to_data(namespace: str = CLIENT_NAMESPACE) -> dict[str, Any]:
    """What lets such pods reach PostgreSQL."""
    return way_out(namespace, "data", "test-clients")
