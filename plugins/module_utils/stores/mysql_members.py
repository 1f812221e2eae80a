# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How members of MySQL stand, as one that is in the group knows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .execute import Execute
from .members import Standing
from .model import Store
from .mysql_accounts import ask

VIEW = """\
SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT('host', m.MEMBER_HOST, 'state', m.MEMBER_STATE,
  'role', m.MEMBER_ROLE, 'queue', s.COUNT_TRANSACTIONS_REMOTE_IN_APPLIER_QUEUE)), JSON_ARRAY())
FROM performance_schema.replication_group_members m
LEFT JOIN performance_schema.replication_group_member_stats s ON s.MEMBER_ID = m.MEMBER_ID;
"""


def standings(
    store: Store, clients: str, behind: int, asked: str, execute: Execute
) -> tuple[dict[str, Standing], list[str]]:
    """Role and delay of every member, and what is wrong with all together.

    :param clients: directory of the program mysql in the image.
    :param behind: transactions that a member may be behind.
    :raises ValueError: the member that is asked does not answer.
    """
    rows = json.loads(ask(execute, asked, clients, VIEW))
    view = {str(row["host"]).partition(".")[0]: row for row in rows if row["host"]}
    found = {member: _standing(view.get(member), behind) for member in store.members}
    writes = any(row["role"] == "PRIMARY" and row["state"] == "ONLINE" for row in rows)
    return found, [] if writes else ["nobody writes"]


def _standing(row: Mapping[str, Any] | None, behind: int) -> Standing:
    if row is None:
        return Standing(fault="is not in the group")
    role, state, queue = str(row["role"]).lower(), row["state"], row["queue"]
    if state != "ONLINE":
        return Standing(role, "", f"is {state}")
    if role == "primary" or queue is None:
        return Standing(role)
    return Standing(
        role, f"{queue} transactions", f"is {queue} transactions behind" if queue > behind else ""
    )
