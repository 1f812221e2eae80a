# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Databases and users of PostgreSQL as services declare them.

A service has one user, who owns the service's databases and may not even connect to others. Passwords go to
the server as verifiers, which nobody can log in with; whether one is still right is reckoned from it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any

from . import sql_accounts
from .execute import Execute
from .model import Store
from .sql_accounts import OURS, Server

SOCKETS = "/var/run/postgresql"
ITERATIONS = 4096
"""PostgreSQL's own number."""
STATE = f"""\
SELECT json_build_object(
  'users', (SELECT coalesce(json_object_agg(rolname, json_build_object(
      'verifier', rolpassword, 'login', rolcanlogin,
      'ours', shobj_description(oid, 'pg_authid') IS NOT DISTINCT FROM '{OURS}')), '{{}}')
    FROM pg_authid WHERE rolname !~ '^pg_'),
  'databases', (SELECT json_object_agg(datname, pg_get_userbyid(datdba)) FROM pg_database));
"""


def adjust(
    store: Store, binaries: str, passwords: Mapping[str, str], execute: Execute, check: bool
) -> list[str]:
    """Bring about users and databases, and say what was changed, or would be.

    :param binaries: directory of the program psql in the image.
    :param passwords: by service.
    :raises ValueError: no member can be written, or a database belongs to somebody else.
    """

    def asked(member: str, text: str) -> str:
        command = [f"{binaries}/psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]
        command += ["--set=ON_ERROR_STOP=1", f"--host={SOCKETS}", "--username=postgres", "--dbname=postgres"]
        return execute(member, command, text)

    server = Server(asked, "SELECT pg_is_in_recovery();", "f", "is a replica", STATE)
    return sql_accounts.adjust(server, store, plan, passwords, check)


def plan(store: Store, state: Mapping[str, Any], passwords: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The statements that are needed, and what they change in words.

    Nothing is ever dropped: a service that no longer declares the store can no longer log in, its data stay.
    """
    statements: list[str] = []
    changes: list[str] = []
    users, databases = state["users"], state["databases"]
    for name in sorted(passwords):
        now = users.get(name)
        if now is None:
            statements += [
                f"CREATE ROLE {_name(name)} LOGIN PASSWORD {_text(verifier(passwords[name]))};",
                f"COMMENT ON ROLE {_name(name)} IS {_text(OURS)};",
            ]
            changes.append(f"user {name}")
        elif not now["login"] or not fits(passwords[name], now["verifier"] or ""):
            statements.append(f"ALTER ROLE {_name(name)} LOGIN PASSWORD {_text(verifier(passwords[name]))};")
            changes.append(f"password of {name}")
    for name, now in sorted(users.items()):
        if now["ours"] and now["login"] and name not in passwords:
            statements.append(f"ALTER ROLE {_name(name)} NOLOGIN;")
            changes.append(f"user {name} can no longer log in")
    for one in store.declarations:
        for database in one.databases:
            owner = databases.get(database)
            if owner is None:
                statements += [
                    f"CREATE DATABASE {_name(database)} OWNER {_name(one.service)};",
                    f"REVOKE ALL ON DATABASE {_name(database)} FROM PUBLIC;",
                ]
                changes.append(f"database {database} of {one.service}")
            elif owner != one.service:
                raise ValueError(f"database {database} belongs to {owner}, {one.service} declares it")
    return statements, changes


def verifier(password: str, salt: bytes = b"") -> str:
    """What the server keeps of a password (SCRAM-SHA-256, RFC 5803)."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    client = hmac.new(salted, b"Client Key", "sha256").digest()
    server = hmac.new(salted, b"Server Key", "sha256").digest()
    stored, served = (_base64(part) for part in (hashlib.sha256(client).digest(), server))
    return f"SCRAM-SHA-256${ITERATIONS}:{_base64(salt)}${stored}:{served}"


def fits(password: str, kept: str) -> bool:
    """Whether a verifier was made from a password."""
    parts = kept.replace("$", ":").split(":")
    if len(parts) != 5 or parts[0] != "SCRAM-SHA-256" or parts[1] != str(ITERATIONS):
        return False
    return hmac.compare_digest(verifier(password, base64.b64decode(parts[2])), kept)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
