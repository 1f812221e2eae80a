# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings one machine into the cluster, or out of it, from whatever state it really is in."""

from __future__ import annotations

import base64
import copy
import secrets
import string
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import process, state
from .api import UnreachableError
from .bare import end_containers, stop_kubelet
from .cleanup import pretend_network, remove_remains
from .etcd import Etcd, QuorumAtRiskError

# What kubeadm and etcd say when several control planes join at once or one is half gone.
TRANSIENT = (
    "can only promote a learner",
    "too many learner members",
    "unhealthy cluster",
    "etcdserver: ",
    "re-configuration failed",
    "context deadline exceeded",
    "connection refused",
    "connection reset",
    "TLS handshake timeout",
    "EOF",
    "the server is currently unable to handle the request",
)


class RefusalError(Exception):
    """The machine's state forbids what was asked. Nothing was changed."""


@dataclass(frozen=True)
class Node:
    """The machine, the addresses of all control planes, and how long to wait (seconds)."""

    name: str
    address: str
    role: str
    control_planes: tuple[str, ...]
    wait: float
    timeout: float

    def look(self) -> state.State:
        """The node's real state."""
        evidence = state.read_evidence()
        answers = state.ask_cluster(evidence, self.name, self.address, self.control_planes, self.wait)
        return state.judge(evidence, answers)


def make_token() -> str:
    """A new bootstrap token in kubeadm's form, from the system's random source."""
    alphabet = string.ascii_lowercase + string.digits
    return ".".join("".join(secrets.choice(alphabet) for _position in range(length)) for length in (6, 16))


def is_transient(text: str) -> bool:
    """Whether an error may be gone when kubeadm is run again."""
    return any(sign in text for sign in TRANSIENT)


def discovery_kubeconfig(server: str, ca: str, token: str) -> dict[str, Any]:
    """What ``kubeadm join`` trusts. The token is in it, because the API server knows no anonymous readers."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": "bootstrap", "user": {"token": token}}],
        "contexts": [{"name": "bootstrap", "context": {"cluster": "cluster", "user": "bootstrap"}}],
        "current-context": "bootstrap",
    }


def with_credentials(
    document: Mapping[str, Any], credentials: Mapping[str, str], discovery: Path
) -> dict[str, Any]:
    """JoinConfiguration ``document`` with its secrets; ``discovery`` is where the kubeconfig will be."""
    full: dict[str, Any] = copy.deepcopy(dict(document))
    full["discovery"] = {
        "file": {"kubeConfigPath": str(discovery)},
        "tlsBootstrapToken": credentials["token"],
    }
    if "controlPlane" in full:
        full["controlPlane"]["certificateKey"] = credentials["certificate_key"]
    return full


def initialise(node: Node, documents: Sequence[Mapping[str, Any]], dry_run: bool) -> tuple[bool, str, str]:
    """Creates the cluster on this control plane. Returns changed, the state before, and what was done."""
    with process.lock(node.timeout) as descriptor:
        before = node.look()
        if before.state == state.JOINED:
            if before.addons is not False:
                return False, before.state, "the cluster is there"
            return _addons(node, documents, descriptor, dry_run)
        if before.state == state.UNREACHABLE:
            raise RefusalError(f"all files of a control plane are here, but nobody answers: {before.reason}")
        if before.state == state.PARTIAL and before.finalised and before.etcd_data:
            raise RefusalError(f"this was a working control plane and holds etcd's data: {before.reason}")
        if dry_run:
            return True, before.state, "would create the cluster"
        if before.state != state.ABSENT:
            undo(node, descriptor)
        # kubeadm makes a token in any case: ours ends before anybody could use it.
        init = {
            **documents[0],
            "bootstrapTokens": [
                {"token": make_token(), "ttl": "1m0s", "description": "kubeadm init, not used"}
            ],
        }
        with process.secret_directory() as directory:
            path = directory / "init.yaml"
            process.write_documents(path, [init, *documents[1:]])
            process.run(
                [process.KUBEADM, "init", "--config", str(path), "--skip-token-print"],
                node.timeout,
                descriptor,
            )
        done = "created the cluster"
        return True, before.state, done if before.state == state.ABSENT else f"undid a broken init and {done}"


def _addons(
    node: Node, documents: Sequence[Mapping[str, Any]], descriptor: int, dry_run: bool
) -> tuple[bool, str, str]:
    if not dry_run:
        with process.secret_directory() as directory:
            path = directory / "init.yaml"
            process.write_documents(path, documents)
            command = [process.KUBEADM, "init", "phase", "addon", "all", "--config", str(path)]
            process.run(command, node.timeout, descriptor)
    return True, state.JOINED, "finished an init that was cut off before its add-ons"


def join(
    node: Node,
    document: Mapping[str, Any],
    credentials: Mapping[str, str],
    server: str,
    attempts: int,
    dry_run: bool,
) -> tuple[bool, str, str]:
    """Joins the cluster. Returns changed, the state before, and what was done."""
    with process.lock(node.timeout) as descriptor:
        before = node.look()
        if before.state == state.JOINED:
            if before.role != node.role:
                raise RefusalError(f"the machine is in the cluster as a {before.role}, not as a {node.role}")
            return False, before.state, "is in the cluster"
        if before.state == state.UNREACHABLE:
            raise RefusalError(f"all files of a node are here, but nobody answers: {before.reason}")
        if dry_run:
            return True, before.state, "would join"
        ours = state.fingerprint(credentials["ca_certificate"])
        if before.ca_fingerprint and before.ca_fingerprint != ours:
            raise RefusalError(
                f"the machine holds the CA {before.ca_fingerprint[:12]} of another cluster (this one's is "
                f"{ours[:12]}): run reset.yml for it if it may be taken"
            )
        if before.state != state.ABSENT:
            forget_myself(node)
            undo(node, descriptor)
        for attempt in range(1, attempts + 1):
            try:
                _join_once(node, document, credentials, server, descriptor)
                break
            except process.FailedError as error:
                if attempt == attempts or not is_transient(str(error)):
                    raise
                forget_myself(node)
                undo(node, descriptor)
                time.sleep(2 * attempt)
        tries = "" if attempt == 1 else f" at the {attempt}. attempt"
        undone = "" if before.state == state.ABSENT else "undid a broken join and "
        return True, before.state, f"{undone}joined{tries}"


def _join_once(
    node: Node, document: Mapping[str, Any], credentials: Mapping[str, str], server: str, descriptor: int
) -> None:
    with process.secret_directory() as directory:
        discovery, path = directory / "discovery.yaml", directory / "join.yaml"
        ca = base64.b64encode(credentials["ca_certificate"].encode()).decode()
        process.write_documents(discovery, [discovery_kubeconfig(server, ca, credentials["token"])])
        process.write_documents(path, [with_credentials(document, credentials, discovery)])
        process.run([process.KUBEADM, "join", "--config", str(path)], node.timeout, descriptor)


def forget_myself(node: Node) -> None:
    """Takes this machine's etcd member out through the other control planes, where it has the keys to."""
    if node.role != state.CONTROL_PLANE:
        return
    others = [address for address in node.control_planes if address != node.address]
    try:
        Etcd(others).remove({node.name: node.address}, seconds=20)
    except (UnreachableError, QuorumAtRiskError):
        # Nobody to ask, or no keys: kubeadm says so better when it tries again.
        return


def undo(node: Node, descriptor: int, warn: Callable[[str], None] = lambda _text: None) -> None:
    """Makes the machine bare of its cluster: its pods end, kubeadm reset, then what kubeadm leaves."""
    stop_kubelet()
    end_containers(dry_run=False)
    pretend_network()
    # The member is removed by whoever stays; kubeadm would wait for API servers that may be going too.
    command = [process.KUBEADM, "reset", "--force", "--skip-phases", "remove-etcd-member"]
    command += ["--cri-socket", "unix:///run/containerd/containerd.sock"]
    try:
        process.run(command, min(node.timeout, 180), descriptor)
    except (process.FailedError, FileNotFoundError) as error:
        # For instance because containerd is gone already. What is left is seen below.
        warn(str(error))
    remove_remains()


def leave(node: Node, dry_run: bool, warn: Callable[[str], None]) -> tuple[bool, str, str]:
    """Takes the machine out of any cluster. Returns changed, the state before, and what was done."""
    with process.lock(node.timeout) as descriptor:
        evidence = state.read_evidence()
        before = state.ABSENT if evidence.nothing else state.PARTIAL
        remains = remove_remains(dry_run=True)
        if evidence.nothing and not remains:
            return False, before, "nothing of a cluster is here"
        if not dry_run:
            undo(node, descriptor, warn)
        return True, before, f"{'would remove' if dry_run else 'removed'} the machine's part of the cluster"
