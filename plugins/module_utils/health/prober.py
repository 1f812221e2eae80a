# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes the probe pods, waits for their ends, and takes them away again, whatever happens."""

from __future__ import annotations

import secrets
import time
import typing as t
from dataclasses import dataclass, field

from ..kubernetes.client import Client
from ..kubernetes.errors import ApiError, ClusterUnreachable, KubernetesError
from . import probes
from .probes import Outcome


@dataclass
class Matrix:
    """How every connection ended: from site to site, lookups by site, and those that must not succeed."""

    allowed: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    denied: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    lookups: dict[str, Outcome] = field(default_factory=dict)
    problem: str = ""


def run(client: Client, nodes: t.Mapping[str, str], image: str, name: str, timeout: float) -> Matrix:
    """Try all connections between the sites (site: its node); takes at most ``timeout`` seconds."""
    matrix = Matrix()
    end = time.monotonic() + timeout
    mark = secrets.token_hex(3)
    try:
        for left in client.list("v1", "Namespace", label_selector=probes.LABEL).items:
            client.delete("v1", "Namespace", left["metadata"]["name"])  # of a run that was killed
        client.apply(probes.namespace(mark), force=True)
        client.apply(probes.policy(mark), force=True)
        _probe(client, mark, nodes, image, name, end, matrix)
    except KubernetesError as error:
        matrix.problem = str(error)
    finally:
        try:
            client.delete("v1", "Namespace", probes.name_of(mark))
        except KubernetesError as error:
            matrix.problem = matrix.problem or f"{probes.name_of(mark)} could not be removed: {error}"
    return matrix


def _probe(
    client: Client, mark: str, nodes: t.Mapping[str, str], image: str, name: str, end: float, matrix: Matrix
) -> None:
    lifetime = max(30, int(end - time.monotonic()) + 30)
    sites = list(nodes)
    client.map(
        lambda site: _create(client, probes.server(mark, site, nodes[site], image, lifetime), end), sites
    )
    servers = _addresses(client, mark, sites, end, matrix)
    clients: list[dict[str, t.Any]] = []
    for site in sites:
        clients.append(probes.allowed_client(mark, site, nodes[site], image, lifetime, servers, name))
        target = probes.next_site(sites, site)
        if target in servers and target != site:
            clients.append(
                probes.denied_client(mark, site, nodes[site], image, lifetime, target, servers[target])
            )
    client.map(lambda pod: _create(client, pod, end), clients)
    pods = _ends(client, mark, [pod["metadata"]["name"] for pod in clients], end)
    for site in sites:
        told = probes.outcomes(pods.get(f"allowed-{site}"))
        why = _why(pods.get(f"allowed-{site}"))
        matrix.lookups[site] = told.get("lookup", Outcome(None, why))
        for target in servers:
            matrix.allowed[site, target] = told.get(f"to-{target}", Outcome(None, why))
        for container, outcome in probes.outcomes(pods.get(f"denied-{site}")).items():
            matrix.denied[site, container[len("to-") :]] = outcome


def _why(pod: dict[str, t.Any] | None) -> str:
    return (probes.trouble(pod) if pod else "") or "its pod did not run in time"


def _create(client: Client, pod: dict[str, t.Any], end: float) -> None:
    """Create a pod; a namespace that was just made has its service account a moment later."""
    while True:
        try:
            client.create(pod)
            return
        except ApiError as error:
            if error.status == 409:  # an attempt before, whose answer was lost, had made it
                return
            if error.status != 403 or "serviceaccount" not in str(error) or time.monotonic() > end:
                raise
        except ClusterUnreachable:
            if time.monotonic() > end:
                raise
        time.sleep(0.3)


def _addresses(client: Client, mark: str, sites: list[str], end: float, matrix: Matrix) -> dict[str, str]:
    """Wait for the servers and return their addresses by site; what is missing at the end is noted.

    Half of the time that is left goes to them at most, so that the other servers are still tried.
    """
    half = time.monotonic() + (end - time.monotonic()) / 2
    found: dict[str, str] = {}
    while True:
        pods = {pod["metadata"]["name"]: pod for pod in client.list("v1", "Pod", probes.name_of(mark)).items}
        for site in sites:
            status = pods.get(f"server-{site}", {}).get("status", {})
            if status.get("phase") == "Running" and status.get("podIP"):
                found[site] = status["podIP"]
        if len(found) == len(sites) or time.monotonic() > half:
            break
        time.sleep(0.5)
    for site in sites:
        if site not in found:
            why = _why(pods.get(f"server-{site}"))
            for other in sites:
                matrix.allowed[other, site] = Outcome(None, f"the server in {site} does not run: {why}")
    return found


def _ends(client: Client, mark: str, names: list[str], end: float) -> dict[str, dict[str, t.Any]]:
    while True:
        pods = {pod["metadata"]["name"]: pod for pod in client.list("v1", "Pod", probes.name_of(mark)).items}
        if all(name in pods and probes.finished(pods[name]) for name in names) or time.monotonic() > end:
            return pods
        time.sleep(0.5)
