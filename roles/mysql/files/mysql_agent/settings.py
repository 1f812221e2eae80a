# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the agent is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """One member's place among the others.

    :param member: its name, as that of its pod.
    :param members: names of all members, in order.
    :param domain: what follows a member's name in its address.
    :param address: of its pod, and ``machine`` that it runs on, for the writers' Service.
    :param behind: transactions that may wait to be executed before the member is not ready.
    :param authorities: where the server finds every authority above its certificate.
    :param data: where the member's volume is mounted, and ``free_share`` of it that must be free.
    :param interval: seconds between two looks.
    :param patience: seconds that another member, or the API server, has to answer.
    :param claim: seconds for which nobody else may found the group when a member is about to.
    """

    member: str
    members: tuple[str, ...]
    store: str
    namespace: str
    domain: str
    address: str
    machine: str
    password: str
    certificates: str = "/etc/store-tls"
    socket: str = "/var/run/mysqld/mysqld.sock"
    authorities: str = "/var/run/mysqld/ca.crt"
    data: str = "/var/lib/mysql"
    free_share: float = 0.05
    slow_log: str = "/var/run/mysqld/slow.log"
    port: int = 3306
    agent_port: int = 8008
    behind: int = 1000
    interval: float = 2.0
    patience: float = 3.0
    claim: float = 30.0

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """The settings of an environment.

        :raises KeyError: one is missing.
        """
        return cls(
            member=environment["MEMBER"],
            members=tuple(environment["MEMBERS"].split(",")),
            store=environment["STORE"],
            namespace=environment["NAMESPACE"],
            domain=environment["DOMAIN"],
            address=environment["POD_IP"],
            machine=environment["MACHINE"],
            password=environment["REPLICATOR_PASSWORD"],
            certificates=environment.get("CERTIFICATES", cls.certificates),
            socket=environment.get("SOCKET", cls.socket),
            authorities=environment.get("AUTHORITIES", cls.authorities),
            data=environment.get("DATA", cls.data),
            free_share=float(environment.get("FREE_SHARE", cls.free_share)),
            slow_log=environment.get("SLOW_LOG", cls.slow_log),
            agent_port=int(environment.get("AGENT_PORT", cls.agent_port)),
            behind=int(environment.get("BEHIND", cls.behind)),
            interval=float(environment.get("INTERVAL", cls.interval)),
        )

    def host(self, member: str) -> str:
        """The name by which a member is called."""
        return f"{member}.{self.domain}"

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the other members."""
        return tuple(name for name in self.members if name != self.member)
