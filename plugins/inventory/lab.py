# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Inventory of a lab: the machines that playbooks/lab.yml makes on this host."""

from __future__ import annotations

DOCUMENTATION = r"""
name: lab
short_description: The machines of a lab on this host
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Lists the machines of one lab, three sites and a mirror, whether or not they run.
  - P(nilecare.platform.lab#inventory) looks nothing up, so it works before the lab exists.
  - All nodes share one network; each site is a slice (/24) of it.
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [nilecare.platform.lab]
  name:
    description:
      - Name of the lab and of its cluster. A small letter, then at most 8 small letters or digits.
      - Labs with different names and networks can run side by side.
    type: str
    default: lab
    env:
      - name: NILECARE_LAB_NAME
  network:
    description: Private IPv4 network of the lab in CIDR form, /22 or larger.
    type: str
    default: 10.77.0.0/16
    env:
      - name: NILECARE_LAB_NETWORK
  nodes:
    description:
      - Number of nodes. 3 are three control planes that take work too; 6 are a control plane and a
        worker in each site; 12 are a control plane and three workers in each site.
    type: int
    default: 6
    env:
      - name: NILECARE_LAB_NODES
  extra:
    description: Further workers, each as C(<site>:<number>), for example C(bahri:1).
    type: list
    elements: str
    default: []
    env:
      - name: NILECARE_LAB_EXTRA
  only:
    description: Names of the machines to keep, for a lab that tests one thing. None means all.
    type: list
    elements: str
    default: []
    env:
      - name: NILECARE_LAB_ONLY
  stores:
    description:
      - Inventory file of the data stores and brokers, seen from the directory of this plugin's own.
      - It is read only where C(data) is in O(sets), since the bundle has no images for them otherwise.
    type: str
    default: ''
  sets:
    description: Optional parts of the bundle that the lab runs with.
    type: list
    elements: str
    default: []
    env:
      - name: NILECARE_BUNDLE_SETS
  state_root:
    description: Directory on this host that has one directory for each cluster (keys, kubeconfig).
    type: str
    default: ~/.local/state/nilecare
"""

EXAMPLES = r"""
# inventories/lab/lab.yml
plugin: nilecare.platform.lab

# A lab of twelve nodes with a name and a network of its own:
#   NILECARE_LAB_NAME=big NILECARE_LAB_NETWORK=10.80.0.0/16 NILECARE_LAB_NODES=12 ansible-inventory --graph
"""

import shlex
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.plugins.loader import inventory_loader
from ansible.template import trust_as_template
from ansible_collections.nilecare.platform.plugins.module_utils.lab.topology import (
    POOLS,
    SITES,
    TopologyError,
    topology,
)

USER = "operator"
FILE_NAMES = ("lab.yml", "lab.yaml")
STORES_SET = "data"
"""Set of the bundle with the images of stores."""
BACKUP_SET = "backup"
"""Set of the bundle with an object store."""


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]
    """Fills the inventory with the machines of a lab."""

    NAME = "nilecare.platform.lab"

    def verify_file(self, path: str) -> bool:
        """Say whether `path` is a file for this plugin, judged by its name."""
        return super().verify_file(path) and path.endswith(FILE_NAMES)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Read the options and add groups, hosts and their variables."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            lab = topology(
                name=self.get_option("name"),
                network=self.get_option("network"),
                nodes=self.get_option("nodes"),
                extra=self._words("extra"),
                only=self._words("only"),
            )
        except TopologyError as error:
            lines = "".join(f"\n  - {problem}" for problem in error.problems)
            text = f"The lab described by {path} and NILECARE_LAB_* is wrong:{lines}"
            raise AnsibleParserError(text) from None

        state = Path(self.get_option("state_root")).expanduser() / lab.name
        self._add_groups(lab.site_networks)
        self._set("all", "cluster_name", lab.name)
        for name, value in self._connection(state).items():
            self._set("machines", name, value)
        for machine in lab.machines:
            inventory.add_host(machine.name)
            self._set(machine.name, "ansible_host", machine.address)
            for group in machine.groups:
                inventory.add_host(machine.name, group=group)
        if BACKUP_SET in self._words("sets"):
            # Outside the cluster, which is as far as a lab's other site goes.
            inventory.add_group("backup_store")
            inventory.add_child("backup_store", "mirror")
        if self.get_option("stores") and STORES_SET in self._words("sets"):
            stores = Path(path).parent / self.get_option("stores")
            inventory_loader.get("yaml").parse(inventory, loader, str(stores), cache)
        # What only the lab itself needs to know; no role of the platform reads it.
        self._set("all", "lab_network", lab.network)
        self._set("all", "lab_gateway", lab.gateway)

    def _set(self, entity: str, name: str, value: str | bool) -> None:
        """Set a variable of a group or a host.

        Text is marked as our own: what is not marked is written by ansible-inventory in a way that
        other programs (testinfra) do not read.
        """
        self.inventory.set_variable(
            entity, name, trust_as_template(value) if isinstance(value, str) else value
        )

    def _words(self, option: str) -> list[str]:
        """Return a list option without the empty word that an empty environment variable gives."""
        return [word.strip() for word in self.get_option(option) if word.strip()]

    def _add_groups(self, site_networks: dict[str, str]) -> None:
        children = {
            "machines": ("cluster", "mirror"),
            "cluster": ("control_plane", "workers"),
            "etcd": ("control_plane",),
            "workers": POOLS,
            "sites": tuple(f"site_{site}" for site in SITES),
        }
        for group in ("missing", *children):
            self.inventory.add_group(group)
        for parent, names in children.items():
            for name in names:
                self.inventory.add_group(name)
                self.inventory.add_child(parent, name)
        for site, network in site_networks.items():
            self._set(f"site_{site}", "site_network", network)

    @staticmethod
    def _connection(state: Path) -> dict[str, str | bool]:
        """Return how to reach the machines: the lab's own key, and only machines whose key is known."""
        ssh = state / "ssh"
        options = {
            "UserKnownHostsFile": ssh / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
        }
        arguments = " ".join(f"-o {shlex.quote(f'{key}={value}')}" for key, value in options.items())
        return {
            "ansible_user": USER,
            "ansible_become": True,
            "ansible_ssh_private_key_file": str(ssh / "id_ed25519"),
            "ansible_ssh_common_args": arguments,
            # Below the lab's own directory, so that a destroyed lab leaves no connection behind that
            # the next lab with the same addresses would take for its own.
            "ansible_control_path_dir": str(ssh / "control"),
        }
