# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What reset leaves behind is removed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import cleanup
from kubeadm_files import CONTROL_PLANE_FILES

SAVED = """\
*filter
:INPUT ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:cali-INPUT - [0:0]
:OURS - [0:0]
-A INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT
-A INPUT -j KUBE-SERVICES
-A INPUT -p tcp --dport 22 -j OURS
-A KUBE-SERVICES -d 10.96.0.1/32 -j REJECT
COMMIT
"""


def test_rules_of_others_survive() -> None:
    kept = cleanup.surviving_rules(SAVED)
    assert kept.splitlines() == [
        "*filter",
        ":INPUT ACCEPT [0:0]",
        ":OURS - [0:0]",
        "-A INPUT -p tcp --dport 22 -j OURS",
        "COMMIT",
    ]
    assert cleanup.surviving_rules(kept) == kept
    assert cleanup.surviving_rules("") == ""


@pytest.mark.parametrize(
    "name, ours", [("cali1234abcd", True), ("vxlan.calico", True), ("eth0", False), ("calico", False)]
)
def test_interfaces_of_ours(name: str, ours: bool) -> None:
    assert bool(cleanup.INTERFACES.match(name)) is ours


def test_a_node_becomes_bare(
    machine: Callable[[dict[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {
        "etc/kubernetes/nilecare/encryption.yaml": "x",
        "etc/kubernetes/kubelet.conf.d/50-nilecare.conf": "x",
    }
    root = machine({**CONTROL_PLANE_FILES, **kept, "etc/cni/net.d/10-calico.conflist": "x"})
    monkeypatch.setattr(cleanup, "_run", lambda *_arguments: "")
    cleanup.pretend_network(root)
    assert min(path.name for path in (root / "etc/cni/net.d").iterdir()) == "00-leaving.conflist"
    would = cleanup.remove_remains(root, dry_run=True)
    assert cleanup.remove_remains(root) == would != []
    assert cleanup.remove_remains(root) == []
    left = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert left == set(kept)


def test_a_machine_without_networks_gets_none(tmp_path: Path) -> None:
    cleanup.pretend_network(tmp_path)
    assert list(tmp_path.iterdir()) == []
