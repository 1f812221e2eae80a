# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The moving part of a terminal: the task that runs now, its hosts site by site, time passed and left."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.nilecare.platform.plugins.module_utils.report.durations import clock, human
from ansible_collections.nilecare.platform.plugins.module_utils.report.model import Run, Task

try:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text
except ImportError:
    HAVE_RICH = False
else:
    HAVE_RICH = True

GLYPHS = {
    "waiting": ("·", "dim"),
    "running": ("◌", "cyan"),
    "ok": ("●", "green"),
    "changed": ("●", "yellow"),
    "failed": ("✗", "bold red"),
    "unreachable": ("✗", "bold magenta"),
    "ignored": ("!", "yellow"),
    "missing": ("○", "yellow"),
    "skipped": ("-", "dim"),
}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def available() -> bool:
    """Return whether rich is installed."""
    return HAVE_RICH


class Terminal:
    """Draws the run's present state below the lines that stay."""

    def __init__(self, run: Run, now: t.Callable[[], float], remaining: t.Callable[[], float | None]) -> None:
        self.note = ""
        self._run = run
        self._now = now
        self._remaining = remaining
        self._console = Console(highlight=False)
        self._live: Live | None = None
        self._task: Task | None = None
        self._columns: dict[str, list[str]] = {}
        self._process = os.getpid()

    def play(self, name: str, hosts: list[str]) -> None:
        """Begin a play: its hosts are the columns of its tasks' rows."""
        self._columns = columns(self._run, hosts)
        self._print(Text(f"\n{name}", style="bold"))

    def begin(self, task: Task) -> None:
        """Show a task as the one that runs."""
        self._task = task
        self.note = ""
        if self._live is None:
            self._live = Live(
                get_renderable=self._render, console=self._console, refresh_per_second=5, transient=True
            )
            self._live.start()
        self._refresh()

    def end(self, task: Task) -> None:
        """Leave a task's line standing."""
        self._task = None
        self._refresh()
        bad, changed = task.count("failed", "unreachable"), task.count("changed")
        mark, style = ("✗", "bold red") if bad else ("✓", "yellow" if changed else "green")
        if task.count("skipped") == len(task.steps):
            mark, style = "-", "dim"
        self._print(self._line(task, mark, style, human(task.seconds)))

    def stop(self) -> None:
        """Take the moving part away: the end, or somebody is asked something."""
        if self._live is not None:
            with contextlib.suppress(Exception):
                self._live.stop()
            self._live = None

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.refresh()

    def _print(self, line: Text) -> None:
        self._console.print(line, no_wrap=True, overflow="ellipsis", crop=True)

    def _render(self) -> t.Any:
        now = self._now()
        lines = []
        task = self._task
        if task is not None:
            lines.append(
                self._line(task, SPINNER[int(now * 5) % len(SPINNER)], "cyan", clock(now - task.start))
            )
        remaining = self._remaining()
        status = f"  {clock(now)} passed"
        if remaining is not None:
            status += f", about {clock(remaining)} left"
        changed = sum(task.count("changed") for task in self._run.tasks)
        status += (
            f"   {len(self._run.tasks)} tasks, {changed} {'would change' if self._run.check else 'changed'}"
        )
        if self._run.failures:
            status += f", {len(self._run.failures)} failed"
        if self.note:
            status += f"   {self.note}"
        lines.append(Text(status, style="dim", no_wrap=True, overflow="ellipsis"))
        return Group(*lines)

    def _line(self, task: Task, mark: str, style: str, took: str) -> Text:
        row = self._row(task)
        width = max(24, min(58, self._console.width - row.cell_len - 16))
        name = task.title if len(task.title) <= width else task.title[: width - 1] + "…"
        line = Text(f"{mark} ", style=style, no_wrap=True, overflow="ellipsis")
        line.append(f"{name:<{width}}  ", style="default" if style != "dim" else "dim")
        line.append_text(row)
        line.append(f"  {took}", style="dim")
        return line

    def _row(self, task: Task) -> Text:
        ended = {step.host: step.status for step in task.steps}
        begun = set(task.hosts)
        named = {host for hosts in self._columns.values() for host in hosts}
        shown = dict(self._columns)
        strangers = sorted((begun | set(ended)) - named)
        if strangers:
            shown["others"] = strangers
        row = Text(no_wrap=True)
        for site, hosts in shown.items():
            row.append(f"{site} ", style="dim")
            for host in hosts:
                state = ended.get(host) or ("running" if host in begun else "waiting")
                row.append(*GLYPHS.get(state, GLYPHS["ok"]))
            row.append("  ")
        return row


def columns(run: Run, hosts: list[str]) -> dict[str, list[str]]:
    """Return a play's hosts by what names their column: the site, a service's group, or the host itself."""
    machines = {machine.name: machine for machine in run.machines}
    found: dict[str, list[str]] = {}
    for host in hosts:
        machine = machines.get(host)
        if machine is None:
            label = host if host != "localhost" else "controller"
        elif machine.service:
            label = next((group for group in machine.groups if group != "services"), "services")
        else:
            label = machine.site or machine.kind
        found.setdefault(label, []).append(host)
    return found
