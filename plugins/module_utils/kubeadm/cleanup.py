# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Removes what kubeadm reset leaves on a machine: network, CNI and data of Calico, kube-proxy and etcd."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

# Whose content goes, and not the directory: some are mount points.
EMPTIED = (
    "etc/cni/net.d",
    "var/lib/cni",
    "var/lib/calico",
    "run/calico",
    "var/log/calico",
    "var/lib/etcd",
    "var/lib/kubelet",
    "var/log/pods",
    "var/log/containers",
    "etc/kubernetes/manifests",
    "etc/kubernetes/pki",
    "etc/kubernetes/tmp",
)
REMOVED = (
    "etc/kubernetes/admin.conf",
    "etc/kubernetes/super-admin.conf",
    "etc/kubernetes/kubelet.conf",
    "etc/kubernetes/bootstrap-kubelet.conf",
    "etc/kubernetes/controller-manager.conf",
    "etc/kubernetes/scheduler.conf",
)
INTERFACES = re.compile(r"^(cali[0-9a-f]+|vxlan\.calico|vxlan-v6\.calico|tunl0|kube-ipvs0|kube-bridge)$")
# Comes before Calico's, by its name, and asks nobody.
PRETENDED_NETWORK = "etc/cni/net.d/00-leaving.conflist"
CHAINS = re.compile(r"^(KUBE-|cali-|cali:|CALI-)")
SETS = re.compile(r"^(cali|KUBE-)")


def pretend_network(root: Path = Path("/")) -> None:
    """Lets containerd remove pods without asking Calico, which would ask the cluster.

    When all machines leave at once there is no cluster to ask: kubeadm tried five times, 2 seconds each, for
    each pod (measured: three minutes a machine). Where the cluster stays, Calico's controllers give back the
    addresses of a node that is gone. :func:`remove_remains` takes the pretence away.
    """
    path = root / PRETENDED_NETWORK
    if path.parent.is_dir():
        network = {"cniVersion": "1.0.0", "name": "leaving", "plugins": [{"type": "loopback"}]}
        path.write_text(json.dumps(network))


def surviving_rules(saved: str) -> str:
    """The output of iptables-save without the chains of Kubernetes and Calico and what leads there. Pure."""
    kept = []
    for line in saved.splitlines():
        words = line.split()
        if line.startswith(":") and CHAINS.match(line[1:]):
            continue
        if line.startswith("-A") and (
            CHAINS.match(words[1]) or any(CHAINS.match(word.strip('"')) for word in words[2:])
        ):
            continue
        kept.append(line)
    return "\n".join(kept) + "\n" if kept else ""


def _run(command: Sequence[str], text: str | None = None) -> str:
    try:
        done = subprocess.run(
            list(command), input=text, capture_output=True, text=True, timeout=60, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _files(root: Path, dry_run: bool) -> list[str]:
    found = []
    for name in REMOVED:
        path = root / name
        if path.exists() or path.is_symlink():
            found.append(str(path))
            if not dry_run:
                path.unlink()
    for name in EMPTIED:
        directory = root / name
        if not directory.is_dir():
            continue
        for path in directory.iterdir():
            found.append(str(path))
            if dry_run:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    return found


def _mounts(root: Path, dry_run: bool) -> list[str]:
    """Volumes of pods that are still mounted below the kubelet's directory, deepest first."""
    prefix = str(root / "var/lib/kubelet") + "/"
    try:
        lines = (root / "proc/self/mounts").read_text().splitlines()
    except OSError:
        return []
    found = sorted((line.split()[1] for line in lines if line.split()[1].startswith(prefix)), reverse=True)
    if not dry_run:
        for path in found:
            _run(["umount", "--lazy", path])
    return found


def _network(dry_run: bool) -> list[str]:
    found = []
    links = _run(["ip", "-o", "link", "show"])
    for name in re.findall(r"^\d+: ([^:@\s]+)", links, re.MULTILINE):
        if INTERFACES.match(name) and name != "tunl0":
            found.append(f"interface {name}")
            if not dry_run:
                _run(["ip", "link", "delete", name])
    # Calico's blocks of addresses, that no interface holds.
    if "blackhole" in _run(["ip", "-4", "route", "show", "proto", "80"]):
        found.append("routes of Calico")
        if not dry_run:
            _run(["ip", "-4", "route", "flush", "proto", "80"])
    for family in ("iptables", "ip6tables"):
        saved = _run([f"{family}-save"])
        kept = surviving_rules(saved)
        if kept.split() != saved.split():
            found.append(f"{family} rules of Kubernetes and Calico")
            if not dry_run:
                _run([f"{family}-restore"], kept)
    for name in _run(["ipset", "list", "-name"]).split():
        if SETS.match(name):
            found.append(f"ipset {name}")
            if not dry_run:
                _run(["ipset", "destroy", name])
    return found


def remove_remains(root: Path = Path("/"), dry_run: bool = False) -> list[str]:
    """Removes the remains and returns what they were, in words. A second call finds nothing."""
    found = [f"mount {path}" for path in _mounts(root, dry_run)]
    return found + _files(root, dry_run) + _network(dry_run)
