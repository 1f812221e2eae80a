# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A good inventory and good machines, which each test makes bad in one way."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    Inventory,
    Machine,
    Settings,
)
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.variables import Known

SETTINGS = Settings(kubernetes_version="1.36.3")
CA = "c" * 64

KNOWN = Known(
    names=frozenset(
        {
            "cluster_pod_network",
            "cluster_name",
            "host_packages",
            "host_count",
            "host_colour",
            "host_password",
            "kubernetes_version",
        }
    ),
    prefixes=("cluster_", "host_", "kubernetes_"),
    shared=frozenset({"cluster_pod_network", "cluster_name", "kubernetes_version"}),
    options={
        "host_packages": {"type": "list", "elements": "str"},
        "host_count": {"type": "int"},
        "host_colour": {"type": "str", "choices": ["red", "green"]},
        "host_password": {"type": "int", "no_log": True},
    },
)

PLANE = {"machines", "cluster", "control_plane"}
WORKER = {"machines", "cluster", "workers"}
SITES = ("site_khartoum", "site_omdurman", "site_bahri")


class Draft:
    """An inventory that can still be changed: groups and variables of each host."""

    def __init__(self) -> None:
        self.groups: dict[str, set[str]] = {"mirror-1": {"machines", "mirror"}}
        self.variables: dict[str, dict[str, object]] = {"mirror-1": {"ansible_host": "10.20.0.10"}}
        self.without: set[str] = set()
        for number, site in enumerate(SITES, start=1):
            name = site.removeprefix("site_")
            self.add(f"{name}-1", PLANE | {"sites", site}, f"10.20.{number}.11", f"10.20.{number}.0/24")
            self.add(f"{name}-2", WORKER | {"sites", site}, f"10.20.{number}.12", f"10.20.{number}.0/24")

    def add(self, name: str, groups: set[str], address: str, site_network: str = "") -> None:
        self.groups[name] = set(groups)
        self.variables[name] = {"ansible_host": address}
        if site_network:
            self.variables[name]["site_network"] = site_network

    def remove(self, name: str) -> None:
        del self.groups[name], self.variables[name]

    def build(self) -> Inventory:
        machines = [
            Machine(
                name,
                frozenset(groups - self.without),
                self.variables[name],
                {key: f"hosts.yml:{line}" for line, key in enumerate(self.variables[name], start=1)},
            )
            for name, groups in self.groups.items()
        ]
        groups: dict[str, list[str]] = {
            group: []
            for group in ("machines", "cluster", "control_plane", "workers", "mirror", "sites")
            if group not in self.without
        }
        for machine in machines:
            for group in machine.groups:
                groups.setdefault(group, []).append(machine.name)
        return Inventory(machines, groups)


FACTS: dict[str, Any] = {
    "reachable": True,
    "error": "",
    "root": True,
    "distribution": "debian",
    "version": "12",
    "codename": "bookworm",
    "architecture": "x86_64",
    "memory": 8000,
    "cpus": 4,
    "disk_path": "/var/lib",
    "disk_free": 100.0,
    "clock": {"low": -0.2, "high": 0.3},
    "listeners": [],
    "membership": {"ca": "", "cluster": "", "api_server": "", "kubelet": ""},
    "expected": {
        "memory": 3700,
        "cpus": 2,
        "disk": 40,
        "clock": 5.0,
        "architectures": ["x86_64"],
        "systems": {"debian": ["12", "13"], "ubuntu": ["22.04", "24.04"]},
        "ports": [
            {"port": 6443, "owner": "kube-apiserver", "groups": ["control_plane"]},
            {"port": 10257, "owner": "kube-controller-manager", "groups": ["control_plane"]},
            {"port": 5000, "owner": "registry", "groups": ["mirror"]},
        ],
    },
}


def facts(name: str, **changes: Any) -> dict[str, Any]:
    """Facts of a machine on which all is well, but for the changes."""
    return {**copy.deepcopy(FACTS), "machine_id": f"id of {name}", **changes}


def all_facts(inventory: Inventory, **changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Facts of all machines; changes name a host with `_` for `-`."""
    return {
        machine.name: facts(machine.name, **changes.get(machine.name.replace("-", "_"), {}))
        for machine in inventory.machines
    }


def member(
    ca: str = CA, cluster: str = "nilecare", api_server: str = "1.36.3", kubelet: str = ""
) -> dict[str, Any]:
    """The change that makes a machine a member of a cluster."""
    return {"membership": {"ca": ca, "cluster": cluster, "api_server": api_server, "kubelet": kubelet}}
