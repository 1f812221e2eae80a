# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The real state of a node: what its files say, what its cluster says, and what both mean together."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .api import Client, RefusedError, UnreachableError, patiently, read_kubeconfig
from .etcd import Etcd

ABSENT = "absent"
PARTIAL = "partial"
JOINED = "joined"
UNREACHABLE = "unreachable"
CONTROL_PLANE = "control_plane"
WORKER = "worker"

MANIFESTS = frozenset({"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"})
ADDONS_LAST = "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings/kube-proxy"


@dataclass(frozen=True)
class Evidence:
    """What the files of a machine say. All paths are below one root, so that a test can fake them."""

    kubelet_conf: bool = False
    bootstrap_conf: bool = False
    kubelet_config: bool = False
    client_certificate: bool = False
    finalised: bool = False
    ca_fingerprint: str = ""
    manifests: frozenset[str] = frozenset()
    kubeconfigs: frozenset[str] = frozenset()
    ca_key: bool = False
    etcd_data: bool = False

    @property
    def nothing(self) -> bool:
        """Whether no trace of a cluster is left."""
        return self == Evidence()

    @property
    def role(self) -> str:
        """The role that the files speak of, '' for none. Only a control plane has these files."""
        if self.manifests or self.kubeconfigs or self.ca_key or self.etcd_data:
            return CONTROL_PLANE
        return "" if self.nothing else WORKER

    @property
    def complete(self) -> bool:
        """Whether every file of the role is there: kubeadm ran to its end, or nearly."""
        node = (
            self.kubelet_conf
            and self.kubelet_config
            and self.client_certificate
            and self.finalised
            and not self.bootstrap_conf
            and bool(self.ca_fingerprint)
        )
        if self.role != CONTROL_PLANE:
            return node
        return (
            node
            and self.manifests >= MANIFESTS
            and self.kubeconfigs >= {"admin", "controller-manager", "scheduler"}
            and self.ca_key
            and self.etcd_data
        )

    @property
    def missing(self) -> list[str]:
        """What ``complete`` misses, in words."""
        wanted = {
            "kubelet.conf": self.kubelet_conf,
            "the kubelet's configuration": self.kubelet_config,
            "the kubelet's client certificate": self.client_certificate,
            "a rotating client certificate in kubelet.conf": self.finalised,
            "the end of the TLS bootstrap": not self.bootstrap_conf,
            "the cluster's CA": bool(self.ca_fingerprint),
        }
        if self.role == CONTROL_PLANE:
            wanted |= {f"manifest {name}": name in self.manifests for name in sorted(MANIFESTS)}
            wanted |= {
                f"{name}.conf": name in self.kubeconfigs
                for name in ("admin", "controller-manager", "scheduler")
            }
            wanted |= {"the CA's key": self.ca_key, "etcd's data": self.etcd_data}
        return [what for what, there in wanted.items() if not there]


@dataclass(frozen=True)
class Answers:
    """What the cluster says of a node. None: nobody answered, or nobody was asked."""

    node: bool | None = None
    member: bool | None = None
    addons: bool | None = None
    trouble: str = ""


@dataclass(frozen=True)
class State:
    """The judgement, with its reason in words."""

    state: str
    role: str = ""
    reason: str = ""
    ca_fingerprint: str = ""
    finalised: bool = False
    etcd_data: bool = False
    addons: bool | None = None
    missing: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def fingerprint(pem: str) -> str:
    """SHA-256 of the first certificate in ``pem``, over its DER bytes, as hexadecimal; '' for none."""
    found = re.search(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", pem, re.DOTALL)
    if not found:
        return ""
    try:
        return hashlib.sha256(base64.b64decode(found[1])).hexdigest()
    except ValueError:
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def read_evidence(root: Path = Path("/")) -> Evidence:
    """The evidence below ``root``."""
    kubernetes = root / "etc/kubernetes"
    kubelet = root / "var/lib/kubelet"
    kubelet_conf = _text(kubernetes / "kubelet.conf")
    pem = kubelet / "pki/kubelet-client-current.pem"
    return Evidence(
        kubelet_conf=bool(kubelet_conf),
        bootstrap_conf=(kubernetes / "bootstrap-kubelet.conf").exists(),
        kubelet_config=(kubelet / "config.yaml").exists(),
        client_certificate="PRIVATE KEY" in _text(pem),
        finalised=f"client-certificate: /{pem.relative_to(root)}" in kubelet_conf,
        ca_fingerprint=fingerprint(_text(kubernetes / "pki/ca.crt")),
        manifests=frozenset(path.stem for path in (kubernetes / "manifests").glob("*.yaml")) & MANIFESTS,
        kubeconfigs=frozenset(
            name
            for name in ("admin", "controller-manager", "scheduler")
            if (kubernetes / f"{name}.conf").exists()
        ),
        ca_key=(kubernetes / "pki/ca.key").exists(),
        etcd_data=(root / "var/lib/etcd/member").exists(),
    )


def judge(evidence: Evidence, answers: Answers) -> State:
    """What files and answers mean together. Pure.

    - absent: no trace of a cluster.
    - partial: traces, but the files are not complete, or the cluster answers and does not know the node.
    - joined: the files are complete and the cluster knows the node (and its etcd member votes).
    - unreachable: the files are complete and nobody answers. Nothing may be undone on such a node.
    """
    common = State(
        state=ABSENT,
        role=evidence.role,
        ca_fingerprint=evidence.ca_fingerprint,
        finalised=evidence.finalised,
        etcd_data=evidence.etcd_data,
        addons=answers.addons,
        missing=[] if evidence.nothing else evidence.missing,
    )
    if evidence.nothing:
        return replace(common, reason="no trace of a cluster")
    if not evidence.complete:
        return replace(common, state=PARTIAL, reason="not there: " + ", ".join(evidence.missing))
    if answers.node is False:
        return replace(common, state=PARTIAL, reason=answers.trouble or "the cluster has no such Node")
    if answers.node is None:
        return replace(common, state=UNREACHABLE, reason=answers.trouble or "the API server does not answer")
    if evidence.role == CONTROL_PLANE:
        if answers.member is False:
            return replace(common, state=PARTIAL, reason=answers.trouble or "no voting etcd member")
        if answers.member is None:
            return replace(common, state=UNREACHABLE, reason=answers.trouble or "no etcd member answers")
    return replace(common, state=JOINED, reason="the cluster knows it")


def ask_cluster(
    evidence: Evidence,
    name: str,
    address: str,
    control_planes: Iterable[str],
    seconds: float,
    root: Path = Path("/"),
) -> Answers:
    """Asks API server and etcd about the node ``name``, for at most ``seconds`` until they answer.

    ``control_planes`` are the addresses of all control planes.
    """
    if not evidence.complete:
        return Answers()
    end = time.monotonic() + seconds
    try:
        node = patiently(lambda: _node_exists(name, root), seconds)
    except UnreachableError as error:
        return Answers(trouble=str(error))
    except RefusedError as error:
        if error.status in (401, 403):
            return Answers(
                node=False, trouble=f"the cluster does not accept the node's certificate ({error})"
            )
        return Answers(trouble=str(error))
    if not node or evidence.role != CONTROL_PLANE:
        return Answers(node=node)
    others = [each for each in control_planes if each != address]
    try:
        members = patiently(Etcd([address, *others], root).members, max(end - time.monotonic(), 1))
    except (UnreachableError, RefusedError) as error:
        return Answers(node=True, trouble=str(error))
    mine = [each for each in members if each.belongs_to(name, address)]
    votes = any(each.started and not each.learner for each in mine)
    trouble = (
        "" if votes else f"its etcd member is {'a learner or not started' if mine else 'not in the cluster'}"
    )
    return Answers(node=True, member=votes, addons=_addons(root), trouble=trouble)


def _node_exists(name: str, root: Path) -> bool:
    config = read_kubeconfig(root / "etc/kubernetes/kubelet.conf", root)
    if config is None or not config.has_credentials:
        raise UnreachableError("kubelet.conf holds no usable credentials")
    client = Client.of(config)
    try:
        return client.get(f"/api/v1/nodes/{name}") is not None
    finally:
        client.close()


def _addons(root: Path) -> bool | None:
    """Whether kubeadm init came to its last object, the end of its last phase."""
    config = read_kubeconfig(root / "etc/kubernetes/admin.conf", root)
    if config is None:
        return None
    try:
        client = Client.of(config)
        return client.get(ADDONS_LAST) is not None
    except (UnreachableError, RefusedError):
        return None
