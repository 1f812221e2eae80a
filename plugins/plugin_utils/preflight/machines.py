# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was measured on the machines, held against what the inventory expects of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import (
    Inventory,
    Machine,
    Settings,
)


class Port(TypedDict):
    """A TCP port that the platform needs: which process may hold it, on hosts of which groups."""

    port: int
    owner: str
    groups: Sequence[str]


class Expected(TypedDict, total=False):
    """What one machine is held to. memory in MiB, disk in GiB free, clock in seconds."""

    memory: int
    cpus: int
    disk: int
    clock: float
    architectures: Sequence[str]
    systems: Mapping[str, Sequence[str]]
    """Distribution (ID of os-release) → supported VERSION_IDs."""
    ports: Sequence[Port]


Measured = Mapping[str, Any]
"""The fact `preflight_machine` as module machine_facts returns it; see its RETURN."""


def missing_hosts(inventory: Inventory, settings: Settings, measured: Mapping[str, Measured]) -> list[str]:
    """Unreachable hosts that the inventory allows to be missing; the run goes on without them."""
    cluster = {machine.name for machine in inventory.members("cluster")}
    return [
        name
        for name, facts in measured.items()
        if not facts.get("reachable") and name in settings.allow_missing and name in cluster
    ]


def check_machines(
    inventory: Inventory, settings: Settings, measured: Mapping[str, Measured]
) -> Iterator[Finding]:
    """Every fault that the facts of the machines show."""
    missing = missing_hosts(inventory, settings, measured)
    identities: dict[str, list[str]] = defaultdict(list)
    for machine in inventory.machines:
        facts = measured.get(machine.name)
        if facts is None or machine.name in missing:
            continue
        if not facts.get("reachable"):
            yield machine.finding("connection", f"unreachable: {facts.get('error')}", "an answer by SSH")
        elif facts.get("error"):
            yield machine.finding(
                str(facts.get("fault") or "python"),
                str(facts["error"]),
                "Python 3.9 or later and root by sudo",
            )
        else:
            identities[str(facts.get("machine_id") or machine.name)].append(machine.name)
            yield from check_machine(machine, facts, facts.get("expected") or {})
    for names in identities.values():
        for name in names[1:]:
            yield Finding(
                name,
                "/etc/machine-id",
                f"is the same as that of {names[0]}",
                "one machine a host, an identity a machine",
            )


def check_machine(machine: Machine, facts: Measured, expected: Expected) -> Iterator[Finding]:
    """Root, operating system, architecture, size, clock and ports of one machine that was measured."""
    if not facts["root"]:
        yield machine.finding("ansible_become", "tasks do not run as root", "true, and sudo for ansible_user")
    yield from _system(machine, facts, expected)
    yield from _size(machine, facts, expected)
    yield from _clock(machine, facts, expected)
    yield from _ports(machine, facts, expected)


def _system(machine: Machine, facts: Measured, expected: Expected) -> Iterator[Finding]:
    systems = expected.get("systems")
    if systems is not None and str(facts["version"]) not in [
        str(v) for v in systems.get(facts["distribution"], ())
    ]:
        supported = "; ".join(
            f"{name} {', '.join(str(v) for v in versions)}" for name, versions in systems.items()
        )
        yield machine.finding(
            "operating system",
            f"{facts['distribution']} {facts['version']} is not supported",
            f"one of: {supported}",
        )
    architectures = expected.get("architectures")
    if architectures is not None and facts["architecture"] not in architectures:
        yield machine.finding(
            "architecture", f"{facts['architecture']} is not supported", f"one of: {', '.join(architectures)}"
        )


def _size(machine: Machine, facts: Measured, expected: Expected) -> Iterator[Finding]:
    for key, fact, unit in (("memory", "memory", "MiB"), ("cpus", "cpus", "CPUs")):
        least = int(expected.get(key, 0))  # type: ignore[call-overload]
        if facts[fact] < least:
            yield machine.finding(key, f"{facts[fact]} {unit} are too little", f"at least {least} {unit}")
    # A machine that is at work already has filled its disk with our own files: health looks at that.
    least = int(expected.get("disk", 0))
    if not facts["membership"]["ca"] and facts["disk_free"] < least:
        yield machine.finding(
            "disk",
            f"{facts['disk_free']:.1f} GiB are free below {facts['disk_path']}",
            f"at least {least} GiB free before the first installation",
        )


def _clock(machine: Machine, facts: Measured, expected: Expected) -> Iterator[Finding]:
    limit = float(expected.get("clock", 5))
    offset = clock_offset(facts["clock"])
    if abs(offset) > limit:
        direction = "ahead of" if offset > 0 else "behind"
        yield machine.finding(
            "clock",
            f"is {abs(offset):.1f} s {direction} the controller's",
            f"at most {limit:g} s; set it, or the controller's, and start time synchronisation",
        )


def clock_offset(clock: Mapping[str, float]) -> float:
    """How far a clock is off at the very least, in seconds; positive = ahead.

    The machine's time was read at some moment between sending the question and getting the answer, so the
    offset lies between `low` and `high`; 0 when "no offset at all" lies between them.
    """
    if clock["low"] > 0:
        return clock["low"]
    return min(clock["high"], 0.0)


def clock_is_doubtful(clock: Mapping[str, float], limit: float) -> bool:
    """Does a clock look wrong, but perhaps only because the answer took long? Bounds and limit in seconds."""
    behind = clock["low"] < -limit <= clock["high"]
    ahead = 0 < clock["low"] <= limit < clock["high"]
    return behind or ahead


def _ports(machine: Machine, facts: Measured, expected: Expected) -> Iterator[Finding]:
    owners: dict[int, set[str]] = {}
    for port in expected.get("ports", ()):
        if machine.groups & set(port["groups"]):
            owners.setdefault(int(port["port"]), set()).add(port["owner"])
    for listener in facts["listeners"]:
        allowed = owners.get(listener["port"])
        if allowed is None or listener["process"] in {name[:15] for name in allowed}:
            continue
        holder = f"{listener['process'] or 'an unknown process'}"
        if listener.get("pid"):
            holder += f" (pid {listener['pid']})"
        yield machine.finding(
            f"port {listener['port']}/tcp",
            f"is in use on {listener['address']} by {holder}",
            f"free for {' or '.join(sorted(allowed))}",
        )
