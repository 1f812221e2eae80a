# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Databases and users of MySQL as services declare them.

A service has one user with all rights to the service's databases but that to hand them on, and none to
anything else. Passwords go to the server hashed; whether one is still right is reckoned from its hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import sql_accounts
from .execute import Execute
from .model import Store
from .mysql_password import fits, hashed
from .mysql_server import SOCKET
from .sql_accounts import OURS, Server

MAY_WRITE = """\
SELECT COUNT(*) FROM performance_schema.replication_group_members
WHERE MEMBER_ID = @@server_uuid AND MEMBER_STATE = 'ONLINE' AND MEMBER_ROLE = 'PRIMARY'
  AND NOT @@GLOBAL.read_only;
"""
# Rights to databases: all that there are but that to hand them on. A pattern of names is no name.
STATE = f"""\
SELECT JSON_OBJECT(
  'users', (SELECT COALESCE(JSON_OBJECTAGG(u.User, JSON_OBJECT(
      'hash', HEX(u.authentication_string), 'plugin', u.plugin, 'locked', u.account_locked = 'Y',
      'ours', COALESCE(u.User_attributes->>'$.metadata.comment', '') = '{OURS}')), JSON_OBJECT())
    FROM mysql.user u WHERE u.Host = '%'),
  'global', (SELECT COALESCE(JSON_ARRAYAGG(g.grantee), JSON_ARRAY()) FROM (
      SELECT DISTINCT GRANTEE AS grantee FROM information_schema.USER_PRIVILEGES
      WHERE PRIVILEGE_TYPE <> 'USAGE') g),
  'rights', (SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT('user', d.User, 'pattern', d.Db,
      'full', d.Select_priv = 'Y' AND d.Insert_priv = 'Y' AND d.Update_priv = 'Y'
        AND d.Delete_priv = 'Y' AND d.Create_priv = 'Y' AND d.Drop_priv = 'Y' AND d.References_priv = 'Y'
        AND d.Index_priv = 'Y' AND d.Alter_priv = 'Y' AND d.Create_tmp_table_priv = 'Y'
        AND d.Lock_tables_priv = 'Y' AND d.Create_view_priv = 'Y' AND d.Show_view_priv = 'Y'
        AND d.Create_routine_priv = 'Y' AND d.Alter_routine_priv = 'Y' AND d.Execute_priv = 'Y'
        AND d.Event_priv = 'Y' AND d.Trigger_priv = 'Y' AND d.Grant_priv = 'N')), JSON_ARRAY())
    FROM mysql.db d WHERE d.Host = '%'),
  'databases', (SELECT JSON_ARRAYAGG(SCHEMA_NAME) FROM information_schema.SCHEMATA));
"""


def adjust(
    store: Store, clients: str, passwords: Mapping[str, str], execute: Execute, check: bool
) -> list[str]:
    """Bring about users and databases, and say what was changed, or would be.

    :param clients: directory of the program mysql in the image.
    :param passwords: by service.
    :raises ValueError: no member can be written.
    """

    def asked(member: str, text: str) -> str:
        return ask(execute, member, clients, text)

    server = Server(asked, MAY_WRITE, "1", "does not write", STATE)
    return sql_accounts.adjust(server, store, plan, passwords, check)


def ask(execute: Execute, member: str, clients: str, text: str) -> str:
    """As root by the socket, which needs no password."""
    command = [f"{clients}/mysql", "--no-defaults", f"--socket={SOCKET}", "--user=root"]
    command += ["--batch", "--raw", "--skip-column-names", "--default-character-set=utf8mb4"]
    return execute(member, command, text)


def plan(store: Store, state: Mapping[str, Any], passwords: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The statements that are needed, and what they change in words.

    Nothing is ever dropped: a service that no longer declares the store can no longer log in, its data stay.
    """
    statements: list[str] = []
    changes: list[str] = []
    for name, password in sorted(passwords.items()):
        made, words = _user(name, password, state)
        statements += made
        changes += words
    for name, now in sorted(state["users"].items()):
        if now["ours"] and not now["locked"] and name not in passwords:
            statements.append(f"ALTER USER {_account(name)} ACCOUNT LOCK;")
            changes.append(f"user {name} can no longer log in")
    made, words = _rights(store, state, passwords)
    return statements + made, changes + words


def _user(name: str, password: str, state: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    now = state["users"].get(name)
    if now is None:
        login = f"IDENTIFIED WITH caching_sha2_password AS 0x{hashed(password).hex()}"
        return [f"CREATE USER {_account(name)} {login} COMMENT {_text(OURS)};"], [f"user {name}"]
    kept = bytes.fromhex(now["hash"] or "")
    if now["locked"] or now["plugin"] != "caching_sha2_password" or not fits(password, kept):
        login = f"IDENTIFIED WITH caching_sha2_password AS 0x{hashed(password).hex()}"
        return [f"ALTER USER {_account(name)} {login} ACCOUNT UNLOCK;"], [f"password of {name}"]
    return [], []


def _rights(
    store: Store, state: Mapping[str, Any], passwords: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    statements: list[str] = []
    changes: list[str] = []
    declared = {(one.service, name) for one in store.declarations for name in one.databases}
    full = {(right["user"], right["pattern"]) for right in state["rights"] if right["full"]}
    for service, name in sorted(declared):
        if name not in state["databases"]:
            statements.append(f"CREATE DATABASE {_name(name)};")
            changes.append(f"database {name} of {service}")
        if (service, pattern(name)) not in full:
            statements.append(f"GRANT ALL PRIVILEGES ON {_name(pattern(name))}.* TO {_account(service)};")
            if name in state["databases"]:
                changes.append(f"rights of {service} to {name}")
    wanted = {(service, pattern(name)) for service, name in declared}
    for right in state["rights"]:
        user = right["user"]
        if user in passwords and (user, right["pattern"]) not in wanted:
            statements.append(f"REVOKE ALL PRIVILEGES ON {_name(right['pattern'])}.* FROM {_account(user)};")
            changes.append(f"no rights of {user} to {right['pattern']}")
    for name in sorted(passwords):
        if f"'{name}'@'%'" in state["global"]:
            statements.append(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {_account(name)};")
            changes.append(f"no rights of {name} to everything")
            statements += [
                f"GRANT ALL PRIVILEGES ON {_name(pattern(database))}.* TO {_account(name)};"
                for service, database in sorted(declared)
                if service == name
            ]
    return statements, changes


def pattern(name: str) -> str:
    """A database's name where MySQL takes a pattern for names."""
    return name.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")


def _account(name: str) -> str:
    return f"{_text(name)}@'%'"


def _name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
