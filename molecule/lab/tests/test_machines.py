"""Machines of a lab are bare, reach each other, and have no way out."""

from __future__ import annotations

import socket
import subprocess
from urllib.parse import urlsplit

import pytest

testinfra_hosts = ["ansible://machines"]

CONNECT = "import socket; socket.create_connection(('{}', {}), timeout=2)"
BRIDGE = "10.78.0.1"
NEIGHBOURS = {"mirror-1": "10.78.1.11", "khartoum-1": "10.78.0.10"}


@pytest.fixture(scope="module")
def debian_mirror() -> tuple[str, int]:
    """Return address and port of the Debian mirror that this host uses, which this host can reach."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    url = urlsplit(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0])
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    address = socket.gethostbyname(str(url.hostname))
    socket.create_connection((address, port), timeout=5).close()
    return address, port


def test_systemd_runs_without_a_failed_unit(host):
    assert host.check_output("systemctl is-system-running") == "running"


def test_operator_is_unprivileged_and_may_use_sudo(host):
    with host.sudo("operator"):
        assert host.check_output("id --user --name") == "operator"
        assert host.check_output("sudo --non-interactive id --user") == "0"


def test_a_power_cut_takes_nothing_but_memory(host):
    """Logging in at all proves that the host key is still the one that was written down."""
    assert host.file("/var/lib/before-the-power-cut").exists
    started = int(host.check_output("stat --format %Y /proc/1"))
    assert started >= int(host.check_output("stat --format %Y /var/lib/before-the-power-cut"))


def test_nothing_of_the_platform_is_there(host):
    for program in ("containerd", "kubelet", "kubeadm", "haproxy", "nginx", "chronyd"):
        assert not host.exists(program)


def test_there_is_no_apt_source(host):
    assert host.check_output("apt-get indextargets --format '$(REPO_URI)'") == ""


def test_the_name_is_the_inventory_name(host):
    name = host.check_output("hostname")
    assert name in NEIGHBOURS
    assert host.check_output(f"getent hosts {name}").split()[1] == name


def test_a_neighbour_and_the_host_are_reached(host):
    neighbour = NEIGHBOURS[host.check_output("hostname")]
    for address in (neighbour, BRIDGE):
        assert host.run(f"ping -c 1 -W 2 {address}").rc == 0


def test_there_is_no_route_out(host, debian_mirror):
    assert host.check_output("ip route show default") == ""
    result = host.run(f'python3 -c "{CONNECT.format(*debian_mirror)}"')
    assert "Network is unreachable" in result.stderr


def test_a_route_that_a_machine_adds_leads_nowhere(host, debian_mirror):
    try:
        assert host.run(f"ip route add default via {BRIDGE}").rc == 0
        result = host.run(f'python3 -c "{CONNECT.format(*debian_mirror)}"')
        assert "TimeoutError" in result.stderr
    finally:
        host.run("ip route delete default")


def test_no_name_is_resolved(host):
    assert host.run("getent hosts www.example.org").rc != 0


def test_mounts_are_shared_and_disks_are_not_stacked(host):
    assert host.check_output("findmnt --noheadings --output PROPAGATION /") == "shared"
    for path in ("/var/lib/containerd", "/var/lib/kubelet", "/var/lib/etcd"):
        assert host.check_output(f"stat --file-system --format %T {path}") != "overlayfs"


def test_a_machine_sees_only_its_own_control_groups(host):
    """A kubelet removes control groups of pods that it does not know."""
    seen = host.check_output(
        "find /sys/fs/cgroup -maxdepth 2 -name 'libpod*' -o -maxdepth 2 -name 'machine.slice'"
    )
    assert seen == ""
    assert host.check_output("grep -c ' /sys/fs/cgroup/systemd ' /proc/self/mounts || true") in ("0", "1")
