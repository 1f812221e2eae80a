"""Machines go back to bare."""

from __future__ import annotations

from .harness import Lab
from .test_1_build import CONTROL_PLANES, WORKERS


def test_reset_wants_the_name_typed(lab: Lab) -> None:
    ran = lab.run("reset", "-e", "confirm=yes")
    assert ran.code != 0
    assert ran.changed == []
    assert len(lab.ready_nodes()) == 6


def test_reset_leaves_bare_machines(lab: Lab) -> None:
    lab.run("reset", "-e", f"confirm={lab.name}").expect_success()
    for machine in CONTROL_PLANES + WORKERS:
        for path in (
            "/etc/kubernetes/kubelet.conf",
            "/var/lib/kubelet/pki",
            "/etc/cni/net.d/10-calico.conflist",
            "/usr/local/share/ca-certificates/nilecare.crt",
        ):
            assert lab.machine(machine, "test", "-e", path).returncode != 0, f"{machine}: {path}"
        assert "vxlan.calico" not in lab.machine(machine, "ip", "link").stdout
