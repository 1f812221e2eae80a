# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines of a run for a terminal or a log: pure text, without colours and time of day."""

from __future__ import annotations

import typing as t

from .durations import human
from .model import Failure, Run, Task

LABELS = {
    "ok": "ok",
    "changed": "changed",
    "failed": "failed",
    "unreachable": "unreachable",
    "ignored": "ignored",
    "missing": "unreachable, ignored",
}


def task_line(task: Task, check: bool = False) -> str:
    """Return one line for a finished task: its name, how many hosts ended how, its duration."""
    labels = {**LABELS, "changed": "would change"} if check else LABELS
    counts = [f"{task.count(status)} {label}" for status, label in labels.items() if task.count(status)]
    return f"{task.title}  {', '.join(counts) or 'skipped'}  {human(task.seconds)}"


def failure(failed: Failure) -> list[str]:
    """Return everything that is known about a failure."""
    lines = [f"FAILED on {failed.host}: {failed.task}" + (f"  ({failed.path})" if failed.path else "")]
    lines += [f"  {line}" for line in failed.message.splitlines()]
    for name, value in failed.details.items():
        if "\n" in value:
            lines.append(f"  {name}:")
            lines += [f"    {line}" for line in value.splitlines()]
        else:
            lines.append(f"  {name}: {value}")
    return lines


def plan(run: Run) -> list[tuple[str, str]]:
    """Return, for check mode, what would be done on each host: lines with the status that colours them."""
    changes = run.changes()
    if not changes:
        return [("Nothing would change: everything is as wished.", "ok")]
    lines: list[tuple[str, str]] = []
    for host in sorted(changes, key=[*run.hosts].index):
        lines.append((f"{host} would change:", "changed"))
        for task, step in changes[host]:
            items = f": {', '.join(step.items)}" if step.items else ""
            lines.append((f"  {task.title}{items}", ""))
    return lines


def recap(run: Run, counts: t.Mapping[str, t.Mapping[str, int]]) -> list[tuple[str, str]]:
    """Return the counts by host in Ansible's own words, which other programs read, and one line for all."""
    width = max((len(host) for host in counts), default=0)
    lines: list[tuple[str, str]] = []
    for host, summary in counts.items():
        fields = [
            ("ok", "ok"),
            ("changed", "changed"),
            ("unreachable", "unreachable"),
            ("failed", "failures"),
        ]
        fields += [("skipped", "skipped"), ("rescued", "rescued"), ("ignored", "ignored")]
        shown = " ".join(f"{label}={summary.get(key, 0):<4}" for label, key in fields)
        bad = summary.get("failures", 0) or summary.get("unreachable", 0)
        status = "failed" if bad else "changed" if summary.get("changed", 0) else "ok"
        lines.append((f"{host:<{width}} : {shown}".rstrip(), status))
    totals = run.totals()
    verb = "would change" if run.check else "changed"
    parts = [f"{totals['hosts']} hosts", f"{totals['tasks']} tasks", f"{totals['changed']} {verb}"]
    parts += [f"{len(run.failures)} failed", human(run.seconds)]
    lines += [(f"Left out: {host}: {reason}", "failed") for host, reason in run.missing.items()]
    lines.append((", ".join(parts), "failed" if run.result == "failed" else "ok"))
    return lines
