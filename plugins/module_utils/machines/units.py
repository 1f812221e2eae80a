# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd units: what has to be done so that they are in a wished state, and doing it.

Whether a unit must be restarted is read from the machine: one of its files is newer than its start.
So a run that was killed between writing a file and restarting the unit is made good by the next.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from .state import Change, Machine, StateError

SPEC = {
    "name": {"type": "str", "required": True},
    "enabled": {"type": "bool", "default": True},
    "state": {"type": "str", "choices": ["started", "stopped", "any"], "default": "started"},
    "restart_after": {"type": "list", "elements": "path", "default": []},
    "reload_after": {"type": "list", "elements": "path", "default": []},
    "restart": {"type": "bool", "default": False},
}

PROPERTIES = (
    "Id",
    "Names",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "Type",
    "UnitFileState",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
    "InactiveExitTimestamp",
    "StateChangeTimestamp",
    "ConditionResult",
)
RUNNING = ("active", "reloading", "activating")
ENABLED = ("enabled", "enabled-runtime", "static", "alias", "indirect", "generated")
# Units of the distribution lie elsewhere; their time of change is the package's, not ours.
OUR_UNITS = "/etc/systemd/system/"


@dataclass(frozen=True)
class Wish:
    """A unit and its wished state; None leaves that side alone."""

    name: str
    enabled: bool | None = True
    state: str | None = "started"
    restart_after: tuple[str, ...] = ()
    reload_after: tuple[str, ...] = ()
    restart: bool = False


@dataclass(frozen=True)
class Facts:
    """What systemd says of a unit. Times are seconds since 1970, 0 for never."""

    name: str
    load: str = "not-found"
    active: str = "inactive"
    sub: str = "dead"
    result: str = "success"
    kind: str = ""
    file_state: str = ""
    files: tuple[str, ...] = ()
    needs_daemon_reload: bool = False
    started_at: float = 0.0
    changed_at: float = 0.0
    condition_met: bool = True

    @property
    def exists(self) -> bool:
        """Return True when systemd has loaded the unit."""
        return self.load in ("loaded", "masked")


@dataclass
class Plan:
    """Actions in their order, as arguments of systemctl, each with its reason."""

    actions: list[tuple[str, str]] = field(default_factory=list)


def parse_time(text: str) -> float:
    """Return the seconds since 1970 of `systemctl show --timestamp=us+utc`; 0 for an empty text."""
    if not text or text == "n/a":
        return 0.0
    # The weekday in front is left out: strptime would expect it in the machine's own language.
    day, hour = text.split()[1:3]
    return datetime.fromisoformat(f"{day}T{hour}+00:00").timestamp()


def parse_show(output: str, names: list[str]) -> dict[str, Facts]:
    """Return the facts of each name from the output of one `systemctl show` for all of them.

    systemctl prints one block a name, in the order asked.
    """
    blocks = [block for block in output.strip().split("\n\n") if block.strip()]
    if len(blocks) != len(names):
        raise ValueError(f"systemctl show gave {len(blocks)} blocks for {len(names)} units")
    return {name: _facts(name, block) for name, block in zip(names, blocks)}  # noqa: B905


def _facts(name: str, block: str) -> Facts:
    values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    files = [values.get("FragmentPath", ""), *values.get("DropInPaths", "").split()]
    return Facts(
        name=name,
        load=values.get("LoadState", "not-found"),
        active=values.get("ActiveState", "inactive"),
        sub=values.get("SubState", "dead"),
        result=values.get("Result", "success"),
        kind=values.get("Type", ""),
        file_state=values.get("UnitFileState", ""),
        files=tuple(path for path in files if path.startswith(OUR_UNITS)),
        needs_daemon_reload=values.get("NeedDaemonReload") == "yes",
        started_at=parse_time(values.get("InactiveExitTimestamp", "")),
        changed_at=parse_time(values.get("StateChangeTimestamp", "")),
        condition_met=values.get("ConditionResult", "yes") == "yes",
    )


def newest(paths: tuple[str, ...], times: dict[str, float]) -> tuple[str, float]:
    """Return the path that was changed last and its time; ('', 0) when none exists."""
    present = [(times[path], path) for path in paths if path in times]
    if not present:
        return "", 0.0
    moment, path = max(present)
    return path, moment


def plan(wish: Wish, facts: Facts, times: dict[str, float]) -> Plan:
    """Return what has to be done for one unit.

    times: time of the last change (seconds since 1970) of every watched path that exists.
    """
    result = Plan()
    running = facts.active in RUNNING
    if wish.enabled is True and facts.file_state not in ENABLED:
        if facts.load == "masked":
            result.actions.append(("unmask", "it is masked"))
        result.actions.append(("enable", f"it is {facts.file_state or 'not installed'}"))
    if wish.enabled is False and facts.file_state in ("enabled", "enabled-runtime"):
        result.actions.append(("disable", f"it is {facts.file_state}"))
    if wish.state == "stopped":
        if running:
            result.actions.append(("stop", f"it is {facts.active}"))
        return result
    if wish.state != "started":
        return result
    if not running:
        result.actions.append(("start", f"it is {facts.active}"))
        return result
    path, moment = newest(wish.restart_after + facts.files, times)
    if wish.restart:
        result.actions.append(("restart", "it was asked for"))
    elif moment > facts.started_at:
        result.actions.append(("restart", f"{path} is newer than its start"))
    else:
        path, moment = newest(wish.reload_after, times)
        if moment > max(facts.started_at, facts.changed_at):
            result.actions.append(("reload", f"{path} is newer than its last reload"))
    return result


def failure(wish: Wish, facts: Facts) -> str | None:
    """Return why a unit is not as wished after all actions, or None when it is."""
    if wish.state != "started" or facts.active in RUNNING:
        return None
    if facts.kind == "oneshot" and facts.result == "success" and facts.condition_met:
        return None
    if not facts.exists:
        return f"{wish.name}: there is no such unit"
    if not facts.condition_met:
        return f"{wish.name}: a condition of the unit (ConditionX=) is not met, systemd did not start it"
    return f"{wish.name}: is {facts.active} ({facts.sub}), result {facts.result}; running was expected"


def wish_of(entry: Mapping[str, Any]) -> Wish:
    """Return one entry of a module's option as a wish."""
    return Wish(
        name=entry["name"],
        enabled=entry["enabled"],
        state=None if entry["state"] == "any" else entry["state"],
        restart_after=tuple(entry["restart_after"]),
        reload_after=tuple(entry["reload_after"]),
        restart=entry["restart"],
    )


def ensure(machine: Machine, entries: Sequence[Mapping[str, Any]]) -> Change:
    """Bring the units of a module's option (see SPEC) into their state, in their order."""
    wishes = [wish_of(entry) for entry in entries]
    names = [wish.name for wish in wishes]
    change = Change()
    lines: list[str] = []
    facts = _show(machine, names)
    stale = [name for name in names if facts[name].needs_daemon_reload]
    lines += [f"daemon-reload: {name} changed on disk" for name in stale]
    if not machine.check_mode and (stale or not all(facts[name].exists for name in names)):
        _systemctl(machine, "daemon-reload")
        facts = _show(machine, names)
        missing = [w.name for w in wishes if w.state == "started" and not facts[w.name].exists]
        if missing:
            raise StateError(f"no such unit: {', '.join(missing)}; no unit was changed")
    watched = {p for w in wishes for p in w.restart_after + w.reload_after + facts[w.name].files}
    times = change_times(watched)
    acted: list[Wish] = []
    for wish in wishes:
        steps = plan(wish, facts[wish.name], times).actions
        for action, reason in steps:
            lines.append(f"{action} {wish.name}: {reason}")
            if not machine.check_mode:
                _systemctl(machine, action, wish.name)
        if steps:
            acted.append(wish)
    if acted and not machine.check_mode:
        mend_future(watched)
        after = _show(machine, names)
        problems = [text for wish in acted if (text := failure(wish, after[wish.name]))]
        if problems:
            raise StateError("; ".join(problems), _log(machine, [wish.name for wish in acted]))
    change.add(*lines)
    return change


def change_times(paths: Collection[str]) -> dict[str, float]:
    """Return the time of the last change of every path that exists, never later than now.

    A time in the future (the clock was put back since) causes one restart; `mend_future` sees to it
    that it does not cause one in every run.
    """
    now = time.time()
    times = {}
    for path in paths:
        try:
            times[path] = min(Path(path).stat().st_mtime, now)
        except OSError:
            continue
    return times


def mend_future(paths: Collection[str]) -> None:
    """Set change times that lie in the future to now."""
    now = time.time()
    for path in paths:
        try:
            if Path(path).stat().st_mtime > now:
                os.utime(path, (now, now))
        except OSError:
            continue


def _show(machine: Machine, names: Sequence[str]) -> dict[str, Facts]:
    answer = machine.run(
        "systemctl", "show", "--timestamp=us+utc", "--property=" + ",".join(PROPERTIES), *names
    )
    if answer.code != 0:
        raise StateError(f"systemctl show failed: {answer.error.strip()}")
    return parse_show(answer.output, list(names))


def _systemctl(machine: Machine, action: str, *names: str) -> None:
    """Run one action; on failure say why, with the unit's last log lines."""
    answer = machine.run("systemctl", action, *names)
    if answer.code != 0:
        raise StateError(
            f"systemctl {' '.join([action, *names])} failed: {answer.error.strip()}", _log(machine, names)
        )


def _log(machine: Machine, names: Sequence[str]) -> list[str]:
    """Return the last lines the units wrote."""
    units = [part for name in names for part in ("--unit", name)]
    answer = machine.run("journalctl", "--no-pager", "--output=cat", "--lines=20", *units)
    return answer.output.splitlines()
