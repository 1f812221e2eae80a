# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks at the whole cluster from the controller and judges it, together with what the machines said."""

from __future__ import annotations

import datetime
import os
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ..kubernetes.client import Client
from ..kubernetes.errors import KubernetesError
from ..monitoring import ask
from ..monitoring import show as levels_show
from ..monitoring.ask import Found
from . import checks, machine, prober, show
from .checks import Check


@dataclass
class Judgement:
    """The result, in the forms in which it is shown."""

    healthy: bool
    message: str
    document: dict[str, t.Any]
    sections: list[dict[str, t.Any]]


def judge(asked: t.Mapping[str, t.Any], probe: bool = True) -> Judgement:
    """Judge everything; ``asked`` are the options of module ``health``, ``probe`` allows probe pods."""
    seen = observations(asked["machines"])
    found = checks.unreachable(seen)
    found += checks.etcd(seen, asked["control_planes"])
    found += checks.units(seen) + checks.addresses(seen)
    found += checks.clocks(seen, asked["time_offset"]) + checks.certificates(seen, asked["certificate_days"])
    if asked["time_server"]:
        # The machines compare themselves with the time server; who compares the time server? The controller.
        clock = machine.clock(asked["time_server"], 3.0)
        found += checks.clocks({"controller": {"clock": clock}}, asked["time_offset"])
    images: list[tuple[str, str]] = []
    said = Found(False, "the cluster cannot be asked for its Prometheus")
    try:
        with Client.from_kubeconfig(asked["kubeconfig"], patience=float(asked["api_timeout"])) as client:
            images = _look(client, asked, probe, found)
            said = ask.ask(client, asked["kubeconfig"], asked["monitoring_namespace"])
            found += checks.monitoring(said, asked["monitoring"])
    except KubernetesError as error:
        found.append(Check("API server", "the cluster's endpoint", False, str(error), "an answer"))
    order = show.areas(found)
    found.sort(key=lambda check: order.index(check.area))
    moment = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")  # noqa: UP017
    healthy = not checks.unhealthy(found)
    return Judgement(
        healthy=healthy,
        message="" if healthy else show.message(found),
        document=show.as_json(found, moment, asked["cluster"], images, said.levels),
        sections=[show.section(found, seen, images), levels_show.said(said, asked["monitoring"])],
    )


def observations(machines: t.Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Return what each machine said, with ``problem`` where it said nothing."""
    seen: dict[str, dict[str, t.Any]] = {}
    for host, said in machines.items():
        seen[host] = dict(said or {})
        if not said:
            seen[host]["problem"] = "was not asked"
        elif said.get("unreachable"):
            lines = str(said.get("msg") or "no answer").strip().splitlines()
            reason = lines[-1].rpartition("can be reached over ssh: ")[2].strip()
            seen[host]["problem"] = f"unreachable: {reason}"
        elif said.get("failed"):
            seen[host]["problem"] = f"could not be asked: {said.get('msg', 'no reason given')}"
    return seen


def write(path: str, content: str) -> None:
    """Write a file, 0600, whole or not at all."""
    target = Path(path)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(content)
    temporary.replace(target)


def stand_ins(nodes: t.Sequence[t.Mapping[str, t.Any]], sites: t.Mapping[str, str]) -> dict[str, str]:
    """Return, for each site, a Ready node for its probes: a plain worker, where there is one."""
    chosen: dict[str, str] = {}
    for node in sorted(nodes, key=_is_control_plane):
        name = node["metadata"]["name"]
        site = sites.get(name)
        ready = any(
            c["type"] == "Ready" and c["status"] == "True"
            for c in node.get("status", {}).get("conditions", [])
        )
        if site and ready and site not in chosen and not node.get("spec", {}).get("unschedulable"):
            chosen[site] = name
    return {site: chosen[site] for site in dict.fromkeys(sites.values()) if site in chosen}


def _is_control_plane(node: t.Mapping[str, t.Any]) -> tuple[bool, str]:
    labels = node["metadata"].get("labels", {})
    return "node-role.kubernetes.io/control-plane" in labels, node["metadata"]["name"]


def _look(
    client: Client, asked: t.Mapping[str, t.Any], probe: bool, found: list[Check]
) -> list[tuple[str, str]]:
    """Add what the API server says to ``found`` and return the images that run."""
    nodes = client.list("v1", "Node").items
    found.append(
        Check("API server", "the cluster's endpoint", True, f"answers at {client.server}", "an answer")
    )
    found += checks.nodes(nodes, list(asked["nodes"]))
    workloads, pods = [], []
    for namespace in asked["namespaces"]:
        for kind in ("DaemonSet", "Deployment"):
            # Items of a list do not name their kind.
            items = client.list("apps/v1", kind, namespace).items
            workloads += [{**item, "kind": kind} for item in items]
        pods += client.list("v1", "Pod", namespace).items
    found += checks.workloads(workloads)
    found += checks.versions(client.version(), nodes, pods, asked["version"])
    if probe:
        chosen = stand_ins(nodes, asked["nodes"])
        found += checks.sites(chosen, list(dict.fromkeys(asked["nodes"].values())))
        name = f"kubernetes.default.svc.{asked['cluster_domain']}"
        matrix = prober.run(client, chosen, asked["probe_image"], name, float(asked["probe_timeout"]))
        if matrix.problem:
            found.append(Check("pod network", "the probes", False, matrix.problem, "they run"))
        found += checks.lookups(matrix.lookups, name)
        found += checks.allowed(matrix.allowed) + checks.denied(matrix.denied, matrix.allowed)
    return checks.images(pods)
