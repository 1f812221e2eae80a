"""Questions to pods of the mesh, and pods that are put beside the platform's own to provoke it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import Any

from tests.lab.harness import Lab, until

#: the services that the tests deploy: the gateway calls auth and ehr, nobody but declared callers calls ehr;
#: appointment is for the tests of deliveries
SERVICES = "gateway,auth,notification,ehr,appointment"
EHR = "ehr-service.clinical.svc.cluster.local"
EHR_PORT = 4001
IMAGE = "docker.io/nilecare/reference-service:1.0.0"

# Requests from inside a pod; prints one line of JSON. Connections are kept, as a service keeps them.
CALLS = """
import collections, http.client, json, sys, time
host, port, method, count, rate, headers = json.loads(sys.argv[1])
connection, answers = None, []
began = time.monotonic()
for number in range(count):
    if rate:
        time.sleep(max(0, began + number / rate - time.monotonic()))
    if connection is None:
        connection = http.client.HTTPConnection(host, port, timeout=35)
    start = time.monotonic()
    try:
        connection.request(method, "/patients", headers=headers)
        response = connection.getresponse()
        body = response.read()
        version = json.loads(body).get("version", "") if body.startswith(b"{") else ""
        answers.append([round(start - began, 3), response.status, version, time.monotonic() - start])
    except (OSError, http.client.HTTPException) as error:
        connection = None
        answers.append([round(start - began, 3), 0, type(error).__name__, time.monotonic() - start])
print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Answer:
    """What one request came to: seconds since the first, HTTP status (0 when there was none) and version, or
    the error's name, and seconds that it took."""

    moment: float
    status: int
    version: str
    seconds: float


@dataclass
class Mesh:
    """The lab's mesh."""

    lab: Lab
    made: list[tuple[str, str, str]] = field(default_factory=list)

    def calls(
        self,
        pod: str,
        namespace: str,
        *,
        host: str = EHR,
        port: int = EHR_PORT,
        method: str = "GET",
        count: int = 1,
        rate: float = 0,
        headers: dict[str, str] | None = None,
        container: str = "",
    ) -> list[Answer]:
        """Send requests from a pod, and read its answers."""
        argument = json.dumps([host, port, method, count, rate, headers or {}])
        chosen = ["--container", container] if container else []
        timeout = 120 + (count / rate if rate else count * 0.2)
        command = ["exec", "--namespace", namespace, pod, *chosen, "--", "python3", "-c", CALLS, argument]
        return [Answer(*entry) for entry in json.loads(self.lab.kubectl(*command, timeout=timeout))]

    def from_gateway(self, **more: Any) -> list[Answer]:
        """Send requests to ehr from one pod of its declared caller, always the same one."""
        first = sorted(pod["metadata"]["name"] for pod in self.pods("infrastructure", "gateway-service"))[0]
        return self.calls(first, "infrastructure", container="gateway-service", **more)

    def pods(self, namespace: str, app: str) -> list[dict[str, Any]]:
        """Pods of a service that are there to stay; those that tests put beside them are left out."""
        chosen = f"app={app},!track"
        items = self.lab.get("pods", "--namespace", namespace, "--selector", chosen)["items"]
        return [pod for pod in items if not pod["metadata"].get("deletionTimestamp")]

    def apply(self, obj: dict[str, Any]) -> None:
        """Put an object into the cluster, to be removed at the end."""
        command = [
            str(self.lab.state / "bin" / "kubectl"),
            "--kubeconfig",
            str(self.lab.state / "kubeconfig"),
        ]
        done = subprocess.run(
            [*command, "apply", "-f", "-"], input=json.dumps(obj), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        metadata = obj["metadata"]
        self.made.append((obj["kind"], metadata["namespace"], metadata["name"]))

    def clean(self) -> None:
        """Remove what tests put into the cluster, and wait until its pods have gone too."""
        while self.made:
            kind, namespace, name = self.made.pop()
            command = ["delete", kind, name, "--namespace", namespace, "--cascade=foreground"]
            self.lab.kubectl(*command, "--ignore-not-found", timeout=180)

    def pod(self, name: str, namespace: str, app: str, injected: bool, serve: int = 0) -> None:
        """A pod of the reference image under Pod Security restricted; it waits, or serves at a port."""
        labels = {"app": app, "sidecar.istio.io/inject": str(injected).lower()}
        wait = ["python3", "-c", "import signal; signal.pause()"]
        container: dict[str, Any] = {
            "name": "probe",
            "image": IMAGE,
            "resources": {
                "requests": {"cpu": "5m", "memory": "32Mi"},
                "limits": {"cpu": "1", "memory": "128Mi"},
            },
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        container |= {"env": [{"name": "PORT", "value": str(serve)}]} if serve else {"command": wait}
        security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": namespace, "labels": labels},
                "spec": {
                    "automountServiceAccountToken": False,
                    "terminationGracePeriodSeconds": 1,
                    "securityContext": security,
                    "containers": [container],
                },
            }
        )
        self.lab.kubectl(
            "wait",
            "--for=condition=Ready",
            f"pod/{name}",
            "--namespace",
            namespace,
            "--timeout=120s",
            timeout=150,
        )

    def more_of_ehr(self, name: str, replicas: int, version: str, environment: dict[str, str]) -> None:
        """A second Deployment whose pods are pods of ehr too, of another version or with faults."""
        live = self.lab.get("deployment", "ehr-service", "--namespace", "clinical")
        template = live["spec"]["template"]
        labels = {**template["metadata"]["labels"], "version": version, "track": name}
        container = template["spec"]["containers"][0]
        image = f"{container['image'].rpartition(':')[0]}:{version}"
        env = [*container["env"], *({"name": key, "value": value} for key, value in environment.items())]
        spec = {**template["spec"], "containers": [{**container, "image": image, "env": env}]}
        spec.pop("topologySpreadConstraints", None)
        self.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": name, "namespace": "clinical"},
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": {"app": "ehr-service", "track": name}},
                    "template": {
                        "metadata": {"labels": labels, "annotations": template["metadata"]["annotations"]},
                        "spec": spec,
                    },
                },
            }
        )
        self.lab.kubectl(
            "rollout",
            "status",
            f"deployment/{name}",
            "--namespace",
            "clinical",
            "--timeout=240s",
            timeout=260,
        )

    def left_out(self) -> tuple[int, int]:
        """Pods of ehr that the gateway's proxy leaves out, and all that it knows."""
        pod = sorted(pod["metadata"]["name"] for pod in self.pods("infrastructure", "gateway-service"))[0]
        command = ["exec", "--namespace", "infrastructure", pod, "--container", "istio-proxy", "--"]
        text = self.lab.kubectl(*command, "pilot-agent", "request", "GET", "clusters")
        prefix = f"outbound|{EHR_PORT}||{EHR}::"
        flags = [line for line in text.splitlines() if line.startswith(prefix) and "::health_flags::" in line]
        return sum("failed_outlier_check" in line for line in flags), len(flags)

    def knows(self, pods: int) -> None:
        """Wait until the gateway's proxy knows so many pods of ehr and leaves none out."""
        until(lambda: self.left_out() == (0, pods), 120, f"the proxy knows {pods} pods and uses all of them")

    def processor_seconds(self, pod: str, namespace: str, container: str) -> float:
        """CPU that all processes of a container have used."""
        program = 'for file in /proc/[0-9]*/stat; do cat "$file"; done 2>/dev/null'
        command = ["exec", "--namespace", namespace, pod, "--container", container, "--", "sh", "-c", program]
        lines = self.lab.kubectl(*command).splitlines()
        # Fields after the name, which is in brackets: 12th and 13th are user and system time in 1/100 s.
        fields = [line.rpartition(")")[2].split() for line in lines]
        return sum(int(entry[11]) + int(entry[12]) for entry in fields if len(entry) > 12) / 100
