# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How RabbitMQ's members stand: who runs, who leads how many queues, which alarms there are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from .execute import Execute
from .members import Standing


def standings(
    control: str, vhost: str, names: Mapping[str, str], asked: str, execute: Execute
) -> tuple[dict[str, Standing], list[str]]:
    """Role of every member, and what is wrong with all together.

    :param control: path of rabbitmqctl.
    :param names: Erlang's name of each member.
    :raises ValueError: the member that is asked does not answer.
    """

    def ask(*command: str) -> Any:
        return json.loads(execute(asked, [control, "-q", "--formatter", "json", *command], ""))

    return judged(names, ask("cluster_status"), _queues(ask, vhost))


def _queues(ask: Callable[..., Any], vhost: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask("list_queues", "--vhost", vhost, "name", "leader", "online")
    return found


def judged(
    names: Mapping[str, str], status: Mapping[str, Any], queues: list[dict[str, Any]]
) -> tuple[dict[str, Standing], list[str]]:
    """The same from its answers."""
    running = set(status.get("running_nodes") or [])
    leads = Counter(str(queue.get("leader")) for queue in queues)
    found = {}
    for member, name in names.items():
        role = f"leads {leads[name]} of {len(queues)} queues"
        found[member] = Standing(role) if name in running else Standing(fault="does not run among the others")
    faults = [f"alarm: {json.dumps(alarm)}" for alarm in status.get("alarms") or []]
    faults += [f"{name} sees no other than itself" for name in status.get("partitions") or {}]
    faults += [f"queue {q['name']} has no leader" for q in queues if q.get("leader") not in running]
    return found, faults
