# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kernel modules, sysctl values and swap, on a folder that stands for a machine."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.nilecare.platform.plugins.module_utils.machines import kernel

FSTAB = """# /etc/fstab
UUID=1 / ext4 defaults 0 1
/dev/sda2\tnone   swap sw 0 0
# /dev/sda3 none swap sw 0 0
/swap.img none swap sw 0 0"""


def machine(tmp_path: Path) -> kernel.Root:
    for path, text in {
        "sys/module/br_netfilter/x": "",
        "lib/modules/6.1/modules.builtin": "kernel/fs/overlayfs/overlay.ko\nkernel/x/nf-conntrack.ko\n",
        "proc/sys/net/ipv4/ip_forward": "0\n",
        "proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
        "proc/sys/net/ipv4/conf/eth0.5/rp_filter": "1\n",
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return kernel.Root(tmp_path)


def test_loaded_and_builtin_modules_are_not_missing(tmp_path: Path) -> None:
    wanted = ["br-netfilter", "overlay", "nf_conntrack", "vxlan"]
    assert kernel.missing_modules(machine(tmp_path), "6.1", wanted) == ["vxlan"]
    assert kernel.missing_modules(machine(tmp_path), "6.2", ["overlay"]) == ["overlay"]


def test_sysctl_differs_by_value_not_by_blanks(tmp_path: Path) -> None:
    wrong, unknown = kernel.wrong_sysctl(
        machine(tmp_path),
        {
            "net.ipv4.ip_forward": "1",
            "net.ipv4.ip_local_port_range": "32768 60999",
            "net/ipv4/conf/eth0.5/rp_filter": "0",
            "net.bridge.none": "1",
        },
    )
    assert wrong == {"net.ipv4.ip_forward": ("0", "1"), "net/ipv4/conf/eth0.5/rp_filter": ("1", "0")}
    assert unknown == ["net.bridge.none"]


def test_only_swap_lines_become_comments() -> None:
    after = kernel.fstab_without_swap(FSTAB)
    lines = after.splitlines()
    assert lines[1] == "UUID=1 / ext4 defaults 0 1"
    assert [line.startswith("#") for line in lines] == [True, False, True, True, True]
    assert lines[3] == "# /dev/sda3 none swap sw 0 0"
    assert not after.endswith("\n")
    assert kernel.fstab_without_swap(after) == after


def test_active_swaps() -> None:
    text = "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n/my\\040swap file 1 0 -3\n"
    assert kernel.active_swaps(text) == ["/dev/sda2", "/my swap"]


def test_texts_are_what_systemd_reads() -> None:
    assert kernel.modules_text(["overlay"]).splitlines()[1:] == ["overlay"]
    assert kernel.sysctl_text({"a.b": "1"}).splitlines()[1:] == ["a.b = 1"]
