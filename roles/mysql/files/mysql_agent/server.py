# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The member's own server, which is talked to by its socket as root, without a password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pymysql
from pymysql.cursors import DictCursor

from .decide import Seen
from .gtid import GtidSet
from .settings import Settings

REPLICATOR = "replicator"
APPLIER = "group_replication_applier"
GATHER = "gather"
GATHER_SECONDS = 120
QUESTIONS = {
    "own": "SELECT @@GLOBAL.gtid_executed AS executed, @@server_uuid AS server,"
    " @@GLOBAL.offline_mode AS offline, @@GLOBAL.read_only AS readonly,"
    " @@GLOBAL.group_replication_group_name AS name",
    "members": "SELECT MEMBER_ID AS id, MEMBER_HOST AS host, MEMBER_STATE AS state, MEMBER_ROLE AS role"
    " FROM performance_schema.replication_group_members",
    "received": "SELECT RECEIVED_TRANSACTION_SET AS received FROM"
    f" performance_schema.replication_connection_status WHERE CHANNEL_NAME = '{APPLIER}'",
    "queue": "SELECT COUNT_TRANSACTIONS_REMOTE_IN_APPLIER_QUEUE AS queue FROM"
    " performance_schema.replication_group_member_stats WHERE MEMBER_ID = @@server_uuid",
}
Error = pymysql.err.MySQLError


@dataclass(frozen=True)
class Look:
    """What a server says of itself.

    :param offline: whether it refuses clients.
    :param queue: transactions that wait to be executed.
    :param online: members of its group that are ready, as it sees them.
    :param received: what it received and may not have executed.
    """

    seen: Seen
    offline: bool = True
    readonly: bool = True
    queue: int = 0
    online: int = 0
    received: GtidSet = field(default_factory=GtidSet)


class BySocket:
    """The server knows who is at the other end of its socket, and asks for nothing."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def authenticate(self, _packet: Any) -> Any:
        """Answer with nothing, and read whether that was enough."""
        self._connection.write_packet(b"")
        return self._connection._read_packet()


class Server:
    """A server, asked over one connection that is made when it is needed."""

    def __init__(self, settings: Settings, read_timeout: float = 300.0) -> None:
        self._settings = settings
        self._read_timeout = read_timeout
        self._connection: Any = None

    def ask(self, text: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a statement.

        :raises Error: the server is away, or refuses.
        """
        if self._connection is None:
            self._connection = pymysql.connect(
                unix_socket=self._settings.socket,
                user="root",
                cursorclass=DictCursor,
                autocommit=True,
                connect_timeout=3,
                read_timeout=self._read_timeout,
                write_timeout=10,
                auth_plugin_map={"auth_socket": BySocket},
            )
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(text, values or None)
                return list(cursor.fetchall())
        except (pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError):
            # The connection may be of no more use; another one costs little.
            self.close()
            raise

    def close(self) -> None:
        """Forget the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection._force_close()

    def look(self) -> Look:
        """What the server says of itself now."""
        answers = {name: self.ask(question) for name, question in QUESTIONS.items()}
        return look(self._settings.member, answers)

    def join(self, group: str, empty: bool) -> None:
        """Take part in a group that is there; without any data, by a copy of another member."""
        threshold = "1" if empty else "DEFAULT"
        self.ask(f"SET GLOBAL group_replication_clone_threshold = {threshold}")
        self._start(group)

    def found(self, group: str) -> None:
        """Make a group of this member alone, for others to join."""
        self.ask("SET GLOBAL group_replication_bootstrap_group = ON")
        try:
            self._start(group)
        finally:
            self.ask("SET GLOBAL group_replication_bootstrap_group = OFF")

    def _start(self, group: str) -> None:
        self.ask("SET GLOBAL group_replication_group_name = %s", group)
        self.ask(f"START GROUP_REPLICATION USER = '{REPLICATOR}', PASSWORD = %s", self._settings.password)

    def leave(self) -> None:
        """Leave the group, or what is left of it."""
        self.refuse_clients()
        self.ask("STOP GROUP_REPLICATION")
        self.refuse_writes()

    def refuse_writes(self) -> None:
        """Say no to whoever wants to write."""
        self.ask("SET GLOBAL super_read_only = ON")

    def take_writes(self) -> None:
        """The reverse, where the group lets this member write."""
        # The other one alone would leave this one on.
        self.ask("SET GLOBAL read_only = OFF")

    def refuse_clients(self) -> None:
        """Cut off all clients, and let none in."""
        self.ask("SET GLOBAL offline_mode = ON")

    def let_clients_in(self) -> None:
        """The reverse."""
        self.ask("SET GLOBAL offline_mode = OFF")

    def execute_received(self, received: GtidSet) -> None:
        """Execute what was received before the server ended."""
        self.ask(f"START REPLICA SQL_THREAD FOR CHANNEL '{APPLIER}'")
        try:
            self._await(received)
        finally:
            self.ask(f"STOP REPLICA SQL_THREAD FOR CHANNEL '{APPLIER}'")

    def gather(self, parts: Mapping[str, GtidSet]) -> None:
        """Fetch transactions from other members, which are in no group.

        :param parts: what there is to fetch, by member.
        """
        for source, wanted in parts.items():
            self._replicate(source)
            try:
                self._await(wanted)
            finally:
                self.ask(f"STOP REPLICA FOR CHANNEL '{GATHER}'")
                self.ask(f"RESET REPLICA ALL FOR CHANNEL '{GATHER}'")

    def _replicate(self, source: str) -> None:
        settings, files = self._settings, self._settings.certificates
        self.ask(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = %s, SOURCE_PORT = %s, SOURCE_AUTO_POSITION = 1,"
            " SOURCE_SSL = 1, SOURCE_SSL_CA = %s, SOURCE_SSL_CERT = %s, SOURCE_SSL_KEY = %s,"
            f" SOURCE_SSL_VERIFY_SERVER_CERT = 1 FOR CHANNEL '{GATHER}'",
            settings.host(source),
            settings.port,
            settings.authorities,
            f"{files}/tls.crt",
            f"{files}/tls.key",
        )
        self.ask(
            f"START REPLICA USER = '{REPLICATOR}' PASSWORD = %s FOR CHANNEL '{GATHER}'", settings.password
        )

    def _await(self, wanted: GtidSet) -> None:
        self.ask("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s) AS late", str(wanted), GATHER_SECONDS)

    def read_certificate(self) -> None:
        """Take over a certificate that was renewed."""
        self.ask("ALTER INSTANCE RELOAD TLS")


def look(member: str, answers: dict[str, list[dict[str, Any]]]) -> Look:
    """What the answers to all questions mean."""
    own, members = answers["own"][0], answers["members"]
    mine = [row for row in members if row["id"] == own["server"]]
    state = str(mine[0]["state"]) if mine else "OFFLINE"
    reached = [row for row in members if row["state"] != "UNREACHABLE"]
    executed = GtidSet.parse(own["executed"])
    received = GtidSet()
    for row in answers["received"]:
        received |= GtidSet.parse(row["received"] or "")
    seen = Seen(
        name=member,
        executed=executed,
        settled=executed.contains(received),
        state=state,
        quorum=2 * len(reached) > len(members),
        group=str(own["name"] or "") if state in ("ONLINE", "RECOVERING") else "",
        primary=bool(mine) and mine[0]["role"] == "PRIMARY",
        server=str(own["server"]),
    )
    return Look(
        seen=seen,
        offline=bool(own["offline"]),
        readonly=bool(own["readonly"]),
        queue=int(answers["queue"][0]["queue"]) if answers["queue"] else 0,
        online=sum(row["state"] == "ONLINE" for row in members),
        received=received,
    )
