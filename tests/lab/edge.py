"""The platform as the edge and its pods show it."""

from __future__ import annotations

import socket
import ssl
from collections import defaultdict
from pathlib import Path

from .harness import Lab
from .traffic import Traffic

HOST = "api.nilecare.sd"
SITES = {"khartoum", "omdurman", "bahri"}


def edge_addresses(lab: Lab) -> list[str]:
    services = lab.get("services", "--namespace", "edge")["items"]
    return [
        s["status"]["loadBalancer"]["ingress"][0]["ip"]
        for s in services
        if s["spec"]["type"] == "LoadBalancer"
    ]


def traffic_to(lab: Lab, path: str) -> Traffic:
    """Requests from outside to one path, through all addresses."""
    return Traffic(edge_addresses(lab), HOST, path, authority(lab))


def authority(lab: Lab) -> Path:
    """The platform's authority, which signed what the edge shows."""
    return lab.state / "ca" / "ca.crt"


def serials(lab: Lab) -> set[str]:
    """Serial numbers of the certificates that the edge's addresses show; each is verified."""
    context = ssl.create_default_context(cafile=authority(lab))
    found = set()
    for address in edge_addresses(lab):
        with (
            socket.create_connection((address, 443), 10) as line,
            context.wrap_socket(line, server_hostname=HOST) as secured,
        ):
            found.add(str((secured.getpeercert() or {})["serialNumber"]))
    return found


def silent(lab: Lab) -> list[str]:
    """Those of the edge's addresses that take no connection."""
    found = []
    for address in edge_addresses(lab):
        try:
            socket.create_connection((address, 443), 2).close()
        except OSError:
            found.append(address)
    return found


def leaving(lab: Lab, service: str) -> list[str]:
    """Names of a service's pods that were told to end and have not yet."""
    pods = lab.get("pods", "--all-namespaces", "--selector", f"app={service}")["items"]
    return [pod["metadata"]["name"] for pod in pods if pod["metadata"].get("deletionTimestamp")]


def zones_by_service(lab: Lab) -> dict[str, set[str]]:
    zones: dict[str, set[str]] = defaultdict(set)
    nodes = {n["metadata"]["name"]: n["metadata"]["labels"] for n in lab.get("nodes")["items"]}
    for pod in lab.get("pods", "--all-namespaces", "--selector", "app.kubernetes.io/part-of=nilecare")[
        "items"
    ]:
        ready = any(
            c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", [])
        )
        if ready and not pod["metadata"].get("deletionTimestamp"):
            zone = nodes[pod["spec"]["nodeName"]]["topology.kubernetes.io/zone"]
            zones[pod["metadata"]["labels"]["app"]].add(zone)
    return zones
