# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the machines that are wished and those that are found to what has to be done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# Of a container in one of these states nobody knows whether it was finished: it never ran.
UNFINISHED = frozenset({"created", "configured", "removing"})
RUNNING = "running"


@dataclass(frozen=True)
class Found:
    """A machine that exists. `status` is podman's word; `host_key` and `operator_key` are public keys."""

    name: str
    address: str
    status: str
    host_key: str = ""
    operator_key: str = ""

    @property
    def running(self) -> bool:
        """Whether it is switched on."""
        return self.status == RUNNING


@dataclass(frozen=True)
class Action:
    """One step for one machine. `verb` is create, start, stop or remove."""

    verb: str
    machine: str


class PlanError(ValueError):
    """The wish contradicts what is there; every contradiction is in `problems`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def plan_present(
    wished: Mapping[str, str], found: Mapping[str, Found], operator_key: str = "", prune: bool = False
) -> list[Action]:
    """Return the steps after which every wished machine is made and switched on.

    :param wished: address of each machine by name
    :param operator_key: the public key that must be able to log in; empty when it is not known yet
    :param prune: remove machines that are not wished
    :raises PlanError: when a machine has another address or another key than is wished
    """
    problems = []
    actions = []
    for name, machine in found.items():
        if name not in wished:
            if prune:
                actions.append(Action("remove", name))
            continue
        if machine.status in UNFINISHED:
            continue
        if machine.address != wished[name]:
            problems.append(f"{name}: has address {machine.address}, the inventory says {wished[name]}")
        if operator_key and machine.operator_key != operator_key:
            problems.append(f"{name}: was made for another SSH key than the one in the state directory")
    if problems:
        raise PlanError(problems)
    for name in wished:
        machine_found = found.get(name)
        if machine_found is None:
            actions.append(Action("create", name))
        elif machine_found.status in UNFINISHED:
            actions += [Action("remove", name), Action("create", name)]
        elif not machine_found.running:
            actions.append(Action("start", name))
    return actions


def plan_power(names: Iterable[str], found: Mapping[str, Found], on: bool) -> list[Action]:
    """Return the steps after which the named machines are switched on, or off.

    :raises PlanError: when one of them does not exist
    """
    names = list(names)
    missing = [name for name in names if name not in found or (on and found[name].status in UNFINISHED)]
    if missing:
        raise PlanError([f"{name}: there is no such machine in this lab" for name in missing])
    return [Action("start" if on else "stop", name) for name in names if found[name].running != on]


def plan_absent(found: Iterable[str]) -> list[Action]:
    """Return the steps after which none of the found machines exists."""
    return [Action("remove", name) for name in found]
