# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Approves kubelets' serving certificates by the rule in csr.py.

Runs in module kubelet_certificates while a cluster is built, and from a timer on each control plane
afterwards, because kubelets renew their certificates when no playbook runs: ``python3 -m kubeadm.approver``.
The module knows the nodes from the inventory. The timer reads them from a label that the playbook sets and
that a kubelet may not (admission plugin NodeRestriction), so that a new node changes no control plane.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .api import Client, RefusedError, UnreachableError, read_kubeconfig
from .csr import SIGNER, is_settled, objections

ADMIN = Path("/etc/kubernetes/admin.conf")
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
NODES = "/api/v1/nodes"
KUBELET_PORT = 10250
# https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
ADDRESS_LABEL = "nilecare.node-restriction.kubernetes.io/address"


def address_label(address: str) -> str:
    """The value of ADDRESS_LABEL for an address. A label has no colons: IPv6 is written out with dashes."""
    parsed = ipaddress.ip_address(address)
    return str(parsed) if parsed.version == 4 else parsed.packed.hex("-", 2)


def labelled_nodes(client: Client) -> dict[str, str]:
    """Names and addresses of the nodes that the inventory has vouched for."""
    found = {}
    for node in client.request("GET", NODES).get("items", []):
        value = node["metadata"].get("labels", {}).get(ADDRESS_LABEL)
        if value:
            found[node["metadata"]["name"]] = value.replace("-", ":")
    return found


def decide(requests: list[Any], nodes: Mapping[str, str]) -> tuple[list[Any], dict[str, list[str]]]:
    """The pending serving requests to approve, and the objections to the others by name."""
    approved, refused = [], {}
    for csr in requests:
        if csr["spec"].get("signerName") != SIGNER or is_settled(csr):
            continue
        reasons = objections(csr, nodes)
        if reasons:
            refused[csr["metadata"]["name"]] = reasons
        else:
            approved.append(csr)
    return approved, refused


def approve_pending(
    client: Client, nodes: Mapping[str, str], dry_run: bool = False
) -> tuple[list[str], dict[str, list[str]]]:
    """Approves what the rule allows. Returns the approved requestors and the objections by request."""
    selector = f"?fieldSelector=spec.signerName%3D{SIGNER.replace('/', '%2F')}"
    found = client.request("GET", REQUESTS + selector).get("items", [])
    approved, refused = decide(found, nodes)
    if not dry_run:
        for csr in approved:
            now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: UP017
            condition = {
                "type": "Approved",
                "status": "True",
                "reason": "InventoryNode",
                "message": "Names and address are those of the node in the inventory.",
                "lastUpdateTime": now,
            }
            csr["status"] = {**csr.get("status", {}), "conditions": [condition]}
            path = f"{REQUESTS}/{csr['metadata']['name']}/approval"
            try:
                client.request("PUT", path, csr)
            except RefusedError as error:
                # 409: another control plane's timer was faster. 404: the request is gone.
                if error.status not in (404, 409):
                    raise
    return [csr["spec"]["username"] for csr in approved], refused


def serves(address: str, ca: Path, timeout: float = 3) -> bool:
    """Whether the kubelet at ``address`` shows a certificate for that address, signed by ``ca``."""
    context = ssl.create_default_context(cafile=str(ca))
    try:
        with (
            socket.create_connection((address, KUBELET_PORT), timeout) as plain,
            context.wrap_socket(plain, server_hostname=address),
        ):
            return True
    except OSError:
        return False


def ensure(
    client: Client,
    nodes: Mapping[str, str],
    expected: Mapping[str, str],
    ca: Path,
    seconds: float,
    dry_run: bool = False,
) -> tuple[list[str], list[str], dict[str, list[str]]]:
    """Approves until every kubelet of ``expected`` serves with a signed certificate or ``seconds`` are over.

    Returns the approved requestors, the nodes still without one, and the objections by request.
    """
    end = time.monotonic() + seconds
    approved: list[str] = []
    waiting = dict(expected)
    while True:
        now, refused = approve_pending(client, nodes, dry_run)
        approved += now
        waiting = {name: address for name, address in waiting.items() if not serves(address, ca)}
        if (not waiting and not now) or dry_run or time.monotonic() >= end:
            return sorted(set(approved)), sorted(waiting), refused
        time.sleep(0.5)


def main() -> int:
    """One pass. Exit code 0: nothing to object to, or no cluster yet; 1: a request was left pending."""
    config = read_kubeconfig(ADMIN)
    if config is None:
        return 0
    try:
        client = Client.of(config)
        approved, refused = approve_pending(client, labelled_nodes(client))
    except (UnreachableError, RefusedError) as error:
        sys.stderr.write(f"serving certificates were not looked at: {error}\n")
        return 0
    for user in approved:
        sys.stdout.write(f"approved the serving certificate of {user}\n")
    for name, reasons in refused.items():
        sys.stderr.write(f"left {name} pending: {'; '.join(reasons)}\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
