"""Machines go back to bare."""

from __future__ import annotations

from .harness import NODES, Lab


def test_reset_wants_the_name_typed(platform: Lab) -> None:
    lab = platform
    ran = lab.run("reset", "-e", "confirm=yes")
    assert ran.code != 0
    assert ran.changed == []
    assert lab.ready_nodes() == NODES


def test_reset_leaves_bare_machines(lab: Lab) -> None:
    lab.run("reset", "-e", f"confirm={lab.name}").expect_success()
    for machine in NODES:
        for path in (
            "/etc/kubernetes/kubelet.conf",
            "/var/lib/kubelet/pki",
            "/etc/cni/net.d/10-calico.conflist",
            "/usr/local/share/ca-certificates/nilecare.crt",
        ):
            assert lab.machine(machine, "test", "-e", path).returncode != 0, f"{machine}: {path}"
        assert "vxlan.calico" not in lab.machine(machine, "ip", "link").stdout
