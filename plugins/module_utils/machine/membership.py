# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which Kubernetes cluster a machine is a member of. Reads files only; standard library, Python 3.9+."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from ansible_collections.nilecare.platform.plugins.module_utils.machine.system import read_text

CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
IMAGE = re.compile(r"^[\s-]*image:\s*\S+?:v?(\d+\.\d+\.\d+\S*)\s*$", re.MULTILINE)
CLUSTER = re.compile(r"^ {2}name: *[\"']?([^\"'\s]+)", re.MULTILINE)
ADMIN = ("etc/kubernetes/admin.conf", "etc/kubernetes/controller-manager.conf")


def fingerprint(pem: str) -> str:
    """SHA-256 (hex) of the first certificate in a PEM text, "" when there is none."""
    match = CERTIFICATE.search(pem)
    if not match:
        return ""
    try:
        return hashlib.sha256(base64.b64decode("".join(match[1].split()), validate=True)).hexdigest()
    except binascii.Error:
        return ""


def cluster_name(kubeconfig: str) -> str:
    """Name of the first cluster in a kubeconfig as kubeadm writes it, "" when there is none."""
    _before, _key, clusters = kubeconfig.partition("clusters:")
    match = CLUSTER.search(clusters.partition("contexts:")[0])
    return match[1] if match else ""


def membership(root: Path, kubelet_version: Callable[[], str]) -> dict[str, str]:
    """ca, cluster, api_server, kubelet: "" for each that is not there.

    ca is the SHA-256 (hex) of the cluster CA's certificate, cluster its name (known on control planes),
    api_server and kubelet are versions such as 1.36.3. kubelet_version is asked on members without an
    API server only: starting that binary takes longer than all else here.
    """
    ca = fingerprint(read_text(root / "etc/kubernetes/pki/ca.crt"))
    image = IMAGE.search(read_text(root / "etc/kubernetes/manifests/kube-apiserver.yaml"))
    names = (cluster_name(read_text(root / path)) for path in ADMIN)
    api_server = image[1] if image else ""
    return {
        "ca": ca,
        "cluster": next((name for name in names if name), ""),
        "api_server": api_server,
        "kubelet": kubelet_version() if ca and not api_server else "",
    }
