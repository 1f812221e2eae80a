# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What engines that speak SQL have in common where services declare databases: who is asked, and how."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .model import Store

OURS = "service of the platform"
"""Comment on users that are made here; others are left alone."""
Plan = Callable[[Store, Mapping[str, Any], Mapping[str, str]], tuple[list[str], list[str]]]
"""The statements that bring about what is declared, and what they change in words."""


@dataclass(frozen=True)
class Server:
    """How an engine's members are asked.

    :param ask: sends statements to a member as superuser and returns what it prints.
    :param may_write: asks a member whether it writes, and ``yes`` is its answer then.
    :param otherwise: what is said of a member that does not write.
    :param state: asks for users, databases and rights, as JSON.
    """

    ask: Callable[[str, str], str]
    may_write: str
    yes: str
    otherwise: str
    state: str


def adjust(server: Server, store: Store, plan: Plan, passwords: Mapping[str, str], check: bool) -> list[str]:
    """Bring about users and databases, and say what was changed, or would be.

    :param passwords: by service.
    :raises ValueError: no member can be written.
    """
    primary = find_primary(server, store)
    statements, changes = plan(store, json.loads(server.ask(primary, server.state)), passwords)
    if statements and not check:
        server.ask(primary, "\n".join(statements))
    return changes


def find_primary(server: Server, store: Store) -> str:
    """The member that writes.

    :raises ValueError: there is none; what each of them answered.
    """
    answers = []
    for member in store.members:
        try:
            if server.ask(member, server.may_write).strip() == server.yes:
                return member
            answers.append(f"{member}: {server.otherwise}")
        except ValueError as error:
            answers.append(f"{member}: {error}")
    raise ValueError(f"no member can be written: {'; '.join(answers)}")
