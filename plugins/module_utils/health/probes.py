# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pods that try the pod network and its policy for real: what they are, and what their end says. Pure.

In each site one pod serves and is closed by a NetworkPolicy to all but pods with the label
``nilecare.sd/access: allowed``. From each site a pod with that label connects to every site's server and
looks a name up; a pod without it tries the server of the next site, and must not get through. A client is
one container a connection: its exit code is the answer, so no log and no exec is needed.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

NAMESPACE = "nilecare-health"
"""What the namespaces' names begin with: each run has its own, for removing one can take minutes."""

LABEL = "nilecare.sd/probes"
"""Label of these namespaces; its value is the run."""

PORT = 8080
ACCESS = "nilecare.sd/access"
_APP = "app.kubernetes.io/name"


@dataclass(frozen=True)
class Outcome:
    """How one connection ended; ``ok`` is None where it was never tried. ``text`` says why."""

    ok: bool | None
    text: str = ""


def name_of(run: str) -> str:
    """Return the name of a run's namespace."""
    return f"{NAMESPACE}-{run}"


def namespace(run: str) -> dict[str, t.Any]:
    """Return the namespace, under the strictest Pod Security level."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    labels[LABEL] = run
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name_of(run), "labels": labels}}


def policy(run: str) -> dict[str, t.Any]:
    """Return the policy that closes the servers to all but allowed pods."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "server", "namespace": name_of(run)},
        "spec": {
            "podSelector": {"matchLabels": {_APP: "server"}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": {ACCESS: "allowed"}}}],
                    "ports": [{"port": PORT, "protocol": "TCP"}],
                }
            ],
        },
    }


def server(run: str, site: str, node: str, image: str, lifetime: int) -> dict[str, t.Any]:
    """Return the pod that serves in a site, on a node; it ends by itself after ``lifetime`` seconds."""
    container = _container("server", image, ["netexec", f"--http-port={PORT}", "--udp-port=-1"])
    return _pod(run, f"server-{site}", node, [container], lifetime, {_APP: "server"})


def allowed_client(
    run: str, site: str, node: str, image: str, lifetime: int, servers: t.Mapping[str, str], name: str
) -> dict[str, t.Any]:
    """Return the pod that connects from a site to every server (site: address) and looks ``name`` up."""
    containers = [
        _container(f"to-{target}", image, _connect(address, 10))
        for target, address in sorted(servers.items())
    ]
    containers.append(_container("lookup", image, ["connect", "--timeout=10s", f"{name}:443"]))
    labels = {_APP: "client", ACCESS: "allowed"}
    return _pod(run, f"allowed-{site}", node, containers, lifetime, labels)


def denied_client(
    run: str, site: str, node: str, image: str, lifetime: int, target: str, address: str
) -> dict[str, t.Any]:
    """Return the pod that tries the server of another site (``target``) without being allowed."""
    container = _container(f"to-{target}", image, _connect(address, 4))
    return _pod(run, f"denied-{site}", node, [container], lifetime, {_APP: "client", ACCESS: "denied"})


def next_site(sites: t.Sequence[str], site: str) -> str:
    """Return the site after this one, the first after the last."""
    return sites[(sites.index(site) + 1) % len(sites)]


def finished(pod: t.Mapping[str, t.Any]) -> bool:
    """Return whether a client's containers have all ended."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def outcomes(pod: t.Mapping[str, t.Any] | None) -> dict[str, Outcome]:
    """Return how each of a client pod's connections ended, by container name."""
    if pod is None:
        return {}
    found = {}
    for status in pod.get("status", {}).get("containerStatuses") or []:
        ended = status.get("state", {}).get("terminated")
        if ended is None:
            found[status["name"]] = Outcome(None, trouble(pod) or "did not end in time")
        elif ended.get("exitCode") == 0:
            found[status["name"]] = Outcome(True)
        else:
            text = str(ended.get("message") or ended.get("reason") or "").strip()
            found[status["name"]] = Outcome(False, text or f"exit code {ended.get('exitCode')}")
    return found


def trouble(pod: t.Mapping[str, t.Any]) -> str:
    """Return why a pod does not run, in Kubernetes' words; empty where nothing is wrong with it."""
    status = pod.get("status", {})
    for container in status.get("containerStatuses") or []:
        waiting = container.get("state", {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{condition.get('reason')}: {condition.get('message')}"
    if status.get("phase") == "Failed":
        return str(status.get("message") or status.get("reason") or "failed")
    return ""


def _connect(address: str, seconds: int) -> list[str]:
    host = f"[{address}]" if ":" in address else address
    # TCP sends again after 1, 3 and 7 s: long enough for a policy that is still on its way to the node.
    return ["connect", f"--timeout={seconds}s", f"{host}:{PORT}"]


def _container(name: str, image: str, arguments: list[str]) -> dict[str, t.Any]:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {
            "requests": {"cpu": "5m", "memory": "16Mi"},
            "limits": {"cpu": "200m", "memory": "64Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _pod(
    run: str, name: str, node: str, containers: list[dict[str, t.Any]], lifetime: int, labels: dict[str, str]
) -> dict[str, t.Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": name_of(run), "labels": labels},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node},
            "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
            "restartPolicy": "Never",
            "activeDeadlineSeconds": lifetime,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "runAsGroup": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": containers,
        },
    }
