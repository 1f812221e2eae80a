# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What module machine_facts reads from a machine's files."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.machine import membership, ports, system

OS_RELEASE = (
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
)

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1D0B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100
   1: 0100007F:192B 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100
"""

KUBECONFIG = """\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: YWJj
    server: https://api.nilecare.internal:7443
  name: nilecare
contexts:
- context:
    cluster: nilecare
    user: kubernetes-admin
  name: kubernetes-admin@nilecare
"""

CERTIFICATE = b"not a certificate, but as many bytes as one"
PEM = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(CERTIFICATE).decode()}\n-----END CERTIFICATE-----\n"


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def test_a_machine_is_described_from_its_files(tmp_path: Path) -> None:
    write(tmp_path, "etc/os-release", OS_RELEASE)
    write(tmp_path, "etc/machine-id", "8d0f\n")
    write(tmp_path, "proc/meminfo", "MemTotal:        4096000 kB\nMemFree: 1 kB\n")
    facts = system.describe(tmp_path, "/var/lib")
    assert facts["distribution"] == "debian"
    assert facts["version"] == "12"
    assert facts["memory"] == 4000
    assert facts["machine_id"] == "8d0f"
    assert isinstance(facts["disk_free"], float)
    assert facts["disk_free"] > 0
    usual = system.usual_facts(facts, "khartoum-1.example.org")
    assert usual["hostname"] == "khartoum-1"
    assert (usual["distribution"], usual["distribution_release"], usual["os_family"]) == (
        "Debian",
        "bookworm",
        "Debian",
    )


def test_a_machine_without_the_files_is_described_too(tmp_path: Path) -> None:
    facts = system.describe(tmp_path, "/var/lib")
    assert facts["distribution"] == "unknown"
    assert facts["memory"] == 0


def test_only_listening_sockets_count() -> None:
    assert ports.parse_listeners(TCP) == [("127.0.0.1", 0x1D0B, "4711")]


@pytest.mark.parametrize(
    ("text", "address"),
    [("0A144D0A", "10.77.20.10"), ("0" * 32, "::"), ("00000000000000000000000001000000", "::1")],
)
def test_addresses_are_read_in_the_machines_byte_order(text: str, address: str) -> None:
    assert ports.parse_address(text) == address


def test_the_holder_of_a_real_socket_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (found,) = ports.listeners(Path("/proc"), {port})
    name = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    assert found == {"address": "127.0.0.1", "port": port, "process": name, "pid": os.getpid()}
    assert ports.listeners(Path("/proc"), {port}) == []


def no_kubelet() -> str:
    raise AssertionError("the kubelet must not be started here")


def test_a_bare_machine_is_a_member_of_nothing(tmp_path: Path) -> None:
    assert set(membership.membership(tmp_path, no_kubelet).values()) == {""}


def test_a_control_plane_tells_its_cluster_and_version(tmp_path: Path) -> None:
    write(tmp_path, "etc/kubernetes/pki/ca.crt", PEM)
    write(tmp_path, "etc/kubernetes/admin.conf", KUBECONFIG)
    manifest = "spec:\n  containers:\n  - image: registry.k8s.io/kube-apiserver:v1.36.3\n"
    write(tmp_path, "etc/kubernetes/manifests/kube-apiserver.yaml", manifest)
    assert membership.membership(tmp_path, no_kubelet) == {
        "ca": hashlib.sha256(CERTIFICATE).hexdigest(),
        "cluster": "nilecare",
        "api_server": "1.36.3",
        "kubelet": "",
    }


def test_a_worker_tells_the_version_of_its_kubelet(tmp_path: Path) -> None:
    write(tmp_path, "etc/kubernetes/pki/ca.crt", PEM)
    facts = membership.membership(tmp_path, lambda: "1.35.4")
    assert facts["kubelet"] == "1.35.4"
    assert facts["cluster"] == ""


@pytest.mark.parametrize(
    "text", ["", "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----", "clusters: []"]
)
def test_broken_files_say_nothing_and_are_no_error(text: str) -> None:
    assert membership.fingerprint(text) == ""
    assert membership.cluster_name(text) == ""
