# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory as the checks see it: machines with groups and variables, and the cluster's settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding

SITE_PREFIX = "site_"
POOL_PREFIX = "pool_"
RESERVE = "reserve"


@dataclass(frozen=True)
class Machine:
    """One inventory host: a machine of the cluster, a mirror, or one held in reserve."""

    name: str
    groups: frozenset[str]
    variables: Mapping[str, object] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    """Variable → "path:line" where it is written, as far as known."""

    @property
    def sites(self) -> list[str]:
        """The site groups the machine is in; exactly one when all is well."""
        return sorted(group for group in self.groups if group.startswith(SITE_PREFIX))

    @property
    def address(self) -> str:
        """`ansible_host`, or the name as Ansible takes it when there is none."""
        return str(self.variables.get("ansible_host") or self.name)

    def finding(self, key: str, message: str, expected: str) -> Finding:
        return Finding(self.name, key, message, expected, self.origins.get(key, ""))


@dataclass(frozen=True)
class Backup:
    """What the inventory says of backups. Of secrets it holds no more than whether they are there."""

    targets: Sequence[Any] = ()
    recipients: Sequence[Any] = ()
    bundle_sets: Sequence[Any] = ()


@dataclass(frozen=True)
class Settings:
    """What holds for the whole cluster: the variables of role platform that the checks need."""

    kubernetes_version: str
    cluster_name: str = "nilecare"
    pod_network: str = "10.244.0.0/16"
    service_network: str = "10.96.0.0/16"
    node_prefix: int = 24
    max_nodes: int = 30
    allow_missing: Sequence[str] = ()
    known_ca: str = ""
    """SHA-256 (hex) of the CA certificate that the controller's kubeconfig trusts; "" = none yet."""
    backup: Backup = field(default_factory=Backup)


@dataclass(frozen=True)
class Inventory:
    """All machines, and all groups with the names of their hosts."""

    machines: Sequence[Machine]
    groups: Mapping[str, Sequence[str]]

    def members(self, group: str) -> list[Machine]:
        """The machines of a group, in the inventory's order; [] when there is no such group."""
        return [machine for machine in self.machines if group in machine.groups]

    @property
    def sites(self) -> list[str]:
        """Names of the site groups that have hosts."""
        return sorted({site for machine in self.machines for site in machine.sites})

    def origin(self, key: str) -> str:
        """Where a variable of the whole cluster is written: the first place any machine has it from."""
        places: Iterable[str] = (machine.origins.get(key, "") for machine in self.machines)
        return next((place for place in places if place), "")

    def finding(self, key: str, message: str, expected: str) -> Finding:
        return Finding("", key, message, expected, self.origin(key))
