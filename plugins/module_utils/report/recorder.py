# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Builds a ``Run`` from what happens, event by event. Knows results as dictionaries, nothing of Ansible."""

from __future__ import annotations

import difflib
import json
import typing as t

from . import sections
from .masking import mask
from .model import Difference, Failure, Machine, Run, Step, Task

MISSING_KEY = "nilecare_missing_hosts"
"""A result's key that names hosts the run goes on without: a list, or a mapping of name to reason."""

DIFFERENCE_LIMIT = 20_000
"""Characters of one difference that are kept; a report stays a file that a browser opens at once."""

_DETAILS = (
    "msg",
    "stderr",
    "stdout",
    "module_stderr",
    "module_stdout",
    "exception",
    "rc",
    "cmd",
    "url",
    "status",
)


class Recorder:
    """Collects the events of one run. ``now`` is always seconds since the run's start."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._tasks: dict[str, Task] = {}
        self._starts: dict[tuple[str, str], float] = {}

    def begin_play(self, name: str, now: float) -> None:
        """A play begins."""
        self.run.plays.append((name, now))

    def begin_task(self, key: str, name: str, role: str, path: str, now: float) -> Task:
        """A task begins; ``key`` tells it from all others of the run. Handlers may begin more than once."""
        if key not in self._tasks:
            play = self.run.plays[-1][0] if self.run.plays else ""
            self._tasks[key] = Task(name, play, role, path, now, now)
            self.run.tasks.append(self._tasks[key])
        return self._tasks[key]

    def begin_step(self, key: str, host: str, now: float) -> None:
        """A host begins a task."""
        self._starts[key, host] = now
        task = self._tasks.get(key)
        if task and host not in task.hosts:
            task.hosts.append(host)

    def end_step(
        self, key: str, host: str, status: str, result: t.Mapping[str, t.Any], now: float, by: str = ""
    ) -> Step:
        """A host is done with a task; ``status`` is one of model.STATUSES.

        ``by`` names the host that did it once for all, where that is another one.
        """
        task = self._tasks.get(key) or self.begin_task(key, key, "", "", now)
        start = self._starts.pop((key, host), task.start)
        step = Step(by or host, start, now, status, owner=host if by else "")
        task.end = now
        task.steps.append(step)
        if by and host in task.hosts:
            task.hosts.remove(host)
        if step.host not in task.hosts:
            task.hosts.append(step.host)
        if status == "changed":
            step.differences = differences(result)
            step.items = changed_items(result)
        if status in ("failed", "unreachable", "ignored", "missing"):
            step.message = first_line(message_of(result))
        if status in ("failed", "unreachable"):
            self.run.failures.append(
                Failure(
                    step.host,
                    task.title,
                    task.path,
                    mask(message_of(result)),
                    failure_details(result),
                    step.owner,
                )
            )
        self._collect(result, task)
        return step

    def add_machine(self, machine: Machine) -> None:
        """Make a host of the inventory known."""
        self.run.machines.append(machine)

    def warn(self, text: str) -> None:
        """Add a warning, once."""
        text = mask(text).strip()
        if text and text not in self.run.warnings:
            self.run.warnings.append(text)

    def finish(self, now: float, failed_hosts: t.Container[str] | None) -> None:
        """The run ends.

        ``failed_hosts`` are those which Ansible counts as failed or unreachable in the end: a failure on any
        other host was rescued by its play. None: the run was broken off, and nobody counted.
        """
        run = self.run
        run.seconds = now
        run.sections = sections.merge(run.sections)
        if failed_hosts is not None:
            for task in run.tasks:
                for step in task.steps:
                    if step.status == "failed" and (step.owner or step.host) not in failed_hosts:
                        step.status = "rescued"
            run.failures = [
                failure for failure in run.failures if (failure.owner or failure.host) in failed_hosts
            ]
            run.result = "failed" if run.failures else "ok"
        else:
            run.result = "failed" if run.failures else "interrupted"

    def _collect(self, result: t.Mapping[str, t.Any], task: Task) -> None:
        for raw in sections.find(result):
            try:
                self.run.sections.append(sections.parse(raw))
            except sections.SectionError as error:
                self.warn(f"{task.title}: its part of the report was left out: {error}")
        missing = result.get(MISSING_KEY)
        if isinstance(missing, dict):
            self.run.missing.update({str(host): str(reason) for host, reason in missing.items()})
        elif isinstance(missing, (list, tuple)):
            self.run.missing.update(dict.fromkeys(map(str, missing), "left out by preflight"))


def message_of(result: t.Mapping[str, t.Any]) -> str:
    """Return why a result failed, in words: its own message, or those of the items that failed."""
    items = [item for item in _items(result) if item.get("failed") or item.get("unreachable")]
    if items:
        return "\n".join(f"{item_label(item)}: {item.get('msg', 'failed')}" for item in items)
    if result.get("censored"):
        return str(result["censored"])
    return str(result.get("msg") or result.get("stderr") or result.get("exception") or "no message")


def failure_details(result: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return everything about a failure that helps: outputs and return codes, complete, secrets masked."""
    details: dict[str, str] = {}
    failed = [item for item in _items(result) if item.get("failed")] or [result]
    for part in failed:
        prefix = f"{item_label(part)}: " if part is not result else ""
        for key in _DETAILS:
            value = part.get(key)
            if value in (None, "", []) or (key == "msg" and part is result):
                continue
            if key == "exception" and str(value).startswith("(traceback unavailable"):
                continue
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            details[prefix + key] = mask(text.rstrip())
    return details


def differences(result: t.Mapping[str, t.Any]) -> list[Difference]:
    """Return the differences in a result (and in its items) as unified diffs, secrets masked."""
    found = []
    for part in [*_items(result)] or [result]:
        raw = part.get("diff")
        for one in raw if isinstance(raw, list) else [raw]:
            if isinstance(one, dict):
                difference = _difference(one)
                if difference.text:
                    found.append(difference)
    return found


def changed_items(result: t.Mapping[str, t.Any]) -> list[str]:
    """Return the labels of a loop's items that changed."""
    return [mask(item_label(item)) for item in _items(result) if item.get("changed")]


def item_label(item: t.Mapping[str, t.Any]) -> str:
    """Return how Ansible calls an item: its label, or its value."""
    label = item.get("_ansible_item_label", item.get(item.get("ansible_loop_var", "item"), "item"))
    if isinstance(label, dict):
        label = label.get("name") or label.get("path") or label.get("dest") or json.dumps(label, default=str)
    return first_line(str(label))


def first_line(text: str, width: int = 160) -> str:
    """Return the first line that says something, at most ``width`` characters, secrets masked."""
    line = next((line.strip() for line in mask(text).splitlines() if line.strip()), "")
    return line if len(line) <= width else line[: width - 1] + "…"


def _items(result: t.Mapping[str, t.Any]) -> list[t.Mapping[str, t.Any]]:
    items = result.get("results")
    if not isinstance(items, list):
        return []
    return [item for item in items if isinstance(item, dict) and "ansible_loop_var" in item]


def _difference(raw: t.Mapping[str, t.Any]) -> Difference:
    before_name = str(raw.get("before_header") or raw.get("before_header_path") or "")
    after_name = str(raw.get("after_header") or before_name)
    title = after_name or before_name
    if raw.get("prepared"):
        text = str(raw["prepared"])
    elif raw.get("src_binary") or raw.get("dst_binary"):
        text = "binary content differs"
    elif raw.get("src_larger") or raw.get("dst_larger"):
        text = f"larger than {raw.get('src_larger') or raw.get('dst_larger')} bytes: not shown"
    else:
        # Masked before they are compared: a changed secret must not show by its length or place.
        before, after = mask(_as_text(raw.get("before"))), mask(_as_text(raw.get("after")))
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
        text = "\n".join(line for line in lines if not line.startswith(("---", "+++")))
        if not text and _as_text(raw.get("before")) != _as_text(raw.get("after")):
            text = "only secrets differ"
    text = mask(text)
    if len(text) > DIFFERENCE_LIMIT:
        text = text[:DIFFERENCE_LIMIT] + f"\n… {len(text) - DIFFERENCE_LIMIT} more characters"
    return Difference(first_line(title), text)


def _as_text(value: t.Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=2, sort_keys=True, default=str)
