# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a store is: plain data, read from the inventory and rendered into objects.

Nothing here knows Ansible or Kubernetes. A ``Store`` is complete in itself: who may connect, and what
services declared that they keep in it, are part of it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ..services.model import Peer, Tier

MEMBERS = 3
"""Members of every store, one in each site: two of them are a majority."""


@dataclass(frozen=True)
class Declaration:
    """What one service keeps in a store.

    :param service: inventory name of the service; also the name of its user.
    :param namespace: where the service runs, and where its credentials are put.
    :param databases, topics, queues: names, as far as the engine knows such things.
    """

    service: str
    namespace: str
    databases: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()


@dataclass(frozen=True)
class Volume:
    """A member's place on a machine.

    :param size: bytes.
    """

    name: str
    machine: str
    size: int


@dataclass(frozen=True)
class Store:
    """One data store or broker.

    :param name: inventory host, and the name that clients call: ``<name>.<namespace>.svc.<domain>``.
    :param engine: module of this package, and role, that knows how it runs.
    :param size: bytes of each member's volume.
    :param machines: the members' machines in order, each in another site.
    :param uid: user and group that its processes run as.
    :param callers: pods that may connect.
    :param api_server_port: port of the API servers, for engines whose members ask them.
    """

    name: str
    engine: str
    namespace: str
    image: str
    version: str
    size: int
    storage_class: str
    machines: tuple[str, ...]
    tier: Tier
    uid: int
    domain: str
    monitoring_namespace: str
    priority_class: str = "nilecare-stores"
    api_server_port: int = 6443
    callers: tuple[Peer, ...] = ()
    declarations: tuple[Declaration, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The DNS name of its writers' Service, which is the store's own."""
        return f"{self.name}.{self.namespace}.svc.{self.domain}"

    @property
    def members(self) -> tuple[str, ...]:
        """Names of its pods."""
        return tuple(f"{self.name}-{number}" for number in range(len(self.machines)))

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """Its members' volumes; a member's volume has the member's name."""
        pairs = zip(self.members, self.machines, strict=True)
        return tuple(Volume(name, machine, self.size) for name, machine in pairs)

    def member_address(self, member: str) -> str:
        """The DNS name of one pod."""
        return f"{member}.{self.name}-members.{self.namespace}.svc.{self.domain}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as it goes through Ansible."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Store:
        """The reverse of ``to_dict``.

        :raises ValueError: a field is missing or unknown.
        """
        unknown = sorted(set(data) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(f"a store has no {', '.join(unknown)}")
        values = dict(data)
        try:
            values["tier"] = Tier(**data["tier"])
            values["machines"] = tuple(data["machines"])
            values["callers"] = tuple(Peer(**peer) for peer in data.get("callers", ()))
            values["declarations"] = tuple(_declaration(one) for one in data.get("declarations", ()))
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"a store is incomplete: {error}") from error


def _declaration(data: dict[str, Any]) -> Declaration:
    lists = {key: tuple(value) for key, value in data.items() if key not in ("service", "namespace")}
    return Declaration(data["service"], data["namespace"], **lists)
