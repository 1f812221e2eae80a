# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run was: its hosts, tasks, steps (one task on one host), failures and what others add.

All times are seconds since the run's start, except ``Run.started`` (seconds since 1970, UTC).
"""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import dataclass, field

from .sections import Section

STATUSES = ("ok", "changed", "failed", "unreachable", "skipped", "ignored", "rescued", "missing")
"""How a step can end. ``missing``: unreachable, and the play goes on by ``ignore_unreachable``."""

BAD = ("failed", "unreachable")


@dataclass
class Machine:
    """A host of the inventory, as the picture shows it."""

    name: str
    site: str = ""
    address: str = ""
    groups: list[str] = field(default_factory=list)
    service: bool = False

    @property
    def kind(self) -> str:
        """Return control plane, worker, mirror, service or host."""
        if self.service:
            return "service"
        for group, kind in (("control_plane", "control plane"), ("workers", "worker"), ("mirror", "mirror")):
            if group in self.groups:
                return kind
        return "host"

    @property
    def pools(self) -> list[str]:
        """Return the node pools, without their prefix."""
        return [group[len("pool_") :] for group in self.groups if group.startswith("pool_")]


@dataclass
class Difference:
    """What a step changed in one thing (a file, an object): a unified diff, secrets masked."""

    title: str
    text: str


@dataclass
class Step:
    """One task on one host."""

    host: str
    start: float
    end: float
    status: str
    message: str = ""
    items: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    owner: str = ""
    """The host that Ansible counts it for, where another one (``host``) did it for all."""

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return max(0.0, self.end - self.start)


@dataclass
class Task:
    """One task of a play, with its steps."""

    name: str
    play: str
    role: str
    path: str
    start: float
    end: float
    hosts: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Return the time from the task's start to the last host's end."""
        return max(0.0, self.end - self.start)

    @property
    def title(self) -> str:
        """Return the task's name after its role."""
        return f"{self.role} : {self.name}" if self.role else self.name

    def count(self, *statuses: str) -> int:
        """Return how many hosts ended in one of these statuses."""
        return sum(step.status in statuses for step in self.steps)


@dataclass
class Failure:
    """A task that failed on a host, with everything that is known about it, secrets masked."""

    host: str
    task: str
    path: str
    message: str
    details: dict[str, str] = field(default_factory=dict)
    owner: str = ""


@dataclass
class Run:
    """A whole run of a playbook."""

    playbook: str
    cluster: str = ""
    started: float = 0.0
    seconds: float = 0.0
    result: str = "interrupted"
    check: bool = False
    limit: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    machines: list[Machine] = field(default_factory=list)
    plays: list[tuple[str, float]] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)

    def steps_of(self, host: str) -> list[Step]:
        """Return a host's steps in order."""
        return [step for task in self.tasks for step in task.steps if step.host == host]

    @property
    def hosts(self) -> list[str]:
        """Return the hosts that did something, those that failed first, then in inventory order."""
        seen = {step.host: None for task in self.tasks for step in task.steps}
        order = {machine.name: index for index, machine in enumerate(self.machines)}
        return sorted(seen, key=lambda name: (self.state_of(name) not in BAD, order.get(name, -1), name))

    def state_of(self, host: str) -> str:
        """Return one word for a host: failed, unreachable, missing, changed, ok or idle."""
        statuses = {step.status for step in self.steps_of(host)}
        for status in ("failed", "unreachable"):
            if status in statuses:
                return status
        if host in self.missing:
            return "missing"
        if "missing" in statuses:
            return "unreachable"
        if "changed" in statuses:
            return "changed"
        return "ok" if statuses - {"skipped"} else "idle"

    def totals(self) -> dict[str, int]:
        """Return the number of hosts and tasks, and of steps by status."""
        steps = [step for task in self.tasks for step in task.steps]
        totals = {"hosts": len(self.hosts), "tasks": len(self.tasks), "steps": len(steps)}
        totals.update({status: sum(step.status == status for step in steps) for status in STATUSES})
        return totals

    def slowest(self, number: int = 10) -> list[Task]:
        """Return the tasks that took longest, slowest first."""
        return sorted((task for task in self.tasks if task.steps), key=lambda task: -task.seconds)[:number]

    def changes(self) -> dict[str, list[tuple[Task, Step]]]:
        """Return, by host, what changed (or would, in check mode), in order."""
        found: dict[str, list[tuple[Task, Step]]] = {}
        for host in self.hosts:
            changed = [
                (task, s)
                for task in self.tasks
                for s in task.steps
                if s.host == host and s.status == "changed"
            ]
            if changed:
                found[host] = changed
        return found

    def to_json(self) -> dict[str, t.Any]:
        """Return the run as report.json holds it."""
        data = dataclasses.asdict(self)
        data["schema"] = 1
        data["totals"] = self.totals()
        data["hosts"] = {
            name: {
                "state": self.state_of(name),
                "seconds": round(sum(step.seconds for step in self.steps_of(name)), 3),
                **{status: sum(s.status == status for s in self.steps_of(name)) for status in STATUSES},
            }
            for name in self.hosts
        }
        for machine in data["machines"]:
            machine["state"] = self.state_of(machine["name"])
        return t.cast("dict[str, t.Any]", _rounded(data))


def _rounded(value: t.Any) -> t.Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(part) for part in value]
    return value
