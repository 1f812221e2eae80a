# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a serving control plane does for others: forget them, and let them in."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from . import process
from .api import Client, UnreachableError, patiently, read_kubeconfig
from .etcd import Etcd
from .node import make_token

ADMIN = Path("/etc/kubernetes/admin.conf")
CA = Path("/etc/kubernetes/pki/ca.crt")
SECRETS = "/api/v1/namespaces/kube-system/secrets"


def admin() -> Client:
    """A client with this control plane's admin.conf. Raises UnreachableError where there is none."""
    config = read_kubeconfig(ADMIN)
    if config is None:
        raise UnreachableError(f"this machine is no control plane: {ADMIN} is not there")
    return Client.of(config)


def forget(
    nodes: Mapping[str, str], control_planes: Iterable[str], seconds: float, dry_run: bool = False
) -> list[str]:
    """Makes the cluster forget ``nodes`` (name to address); returns the names that it knew.

    ``seconds``: how long to wait for the API server and etcd to answer.
    """
    client = admin()
    leaving = set(nodes.values())
    staying = [address for address in control_planes if address not in leaving]
    # etcd first: while a dead member is counted, the API server may have no quorum to delete a Node with.
    known = set(Etcd(staying).remove(nodes, seconds, dry_run))
    for name in sorted(nodes):
        path = f"/api/v1/nodes/{name}"
        if patiently(lambda p=path: client.get(p), seconds) is None:  # type: ignore[misc]
            continue
        known.add(name)
        if not dry_run:
            patiently(lambda p=path: client.delete(p), seconds)  # type: ignore[misc]
    return sorted(known)


def bootstrap_secret(token: str, ttl: float, now: datetime) -> dict[str, Any]:
    """The Secret that makes ``token`` good for joining, and for nothing else, for ``ttl`` seconds."""
    identity, secret = token.split(".")
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": f"bootstrap-token-{identity}", "namespace": "kube-system"},
        "stringData": {
            "description": "Joins the machines of one run of nilecare.platform.",
            "token-id": identity,
            "token-secret": secret,
            "expiration": (now + timedelta(seconds=ttl)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "usage-bootstrap-authentication": "true",
            "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
        },
    }


def make_credentials(documents: Sequence[Mapping[str, Any]], ttl: float, seconds: float) -> dict[str, str]:
    """Token, certificate key and CA. With ``documents`` (init's), the certificates are uploaded too."""
    client = admin()
    token = make_token()
    body = bootstrap_secret(token, ttl, datetime.now(timezone.utc))  # noqa: UP017
    patiently(lambda: client.request("POST", SECRETS, body), seconds)
    key = ""
    if documents:
        key = secrets.token_hex(32)
        with process.lock(60) as descriptor, process.secret_directory() as directory:
            path = directory / "upload.yaml"
            process.write_documents(path, [{**documents[0], "certificateKey": key}, *documents[1:]])
            command = [process.KUBEADM, "init", "phase", "upload-certs", "--upload-certs"]
            process.run([*command, "--skip-certificate-key-print", "--config", str(path)], 120, descriptor)
    return {"token": token, "certificate_key": key, "ca_certificate": CA.read_text()}
