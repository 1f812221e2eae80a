# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows how a run goes: a row of hosts filling up on a terminal, plain short lines elsewhere."""

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: stdout
short_description: One line a task, with sites and hosts filling up
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - On a terminal, one line a task with the hosts of each site filling up, the time that has passed and an
    estimate of what is left, from the last run of the same playbook.
  - Without a terminal (a pipe, AWX, a log), one plain line a task.
  - Failures are shown complete, with secrets masked. Check mode ends with a list, by host, of what would
    be done. Differences are shown with C(--diff).
extends_documentation_fragment:
  - result_format_callback
options:
  progress:
    description: How to show it. V(auto) asks whether standard output is a terminal.
    type: str
    choices: [auto, terminal, plain]
    default: auto
    env:
      - name: NILECARE_PROGRESS
    ini:
      - section: nilecare
        key: progress
requirements:
  - rich, for the terminal; without it lines are plain
"""

import os
import sys
import time
import typing as t

from ansible import constants as C  # noqa: N812, Ansible's own name for it
from ansible.plugins.callback import CallbackBase
from ansible_collections.nilecare.platform.plugins.module_utils.report import files, text
from ansible_collections.nilecare.platform.plugins.module_utils.report.durations import (
    Durations,
    Estimate,
    human,
)
from ansible_collections.nilecare.platform.plugins.module_utils.report.masking import mask
from ansible_collections.nilecare.platform.plugins.module_utils.report.model import Step, Task
from ansible_collections.nilecare.platform.plugins.plugin_utils.run_watcher import RunWatcher
from ansible_collections.nilecare.platform.plugins.plugin_utils.terminal import Terminal, available

COLOURS = {"failed": C.COLOR_ERROR, "changed": C.COLOR_CHANGED, "ok": C.COLOR_OK, "skipped": C.COLOR_SKIP}
PROMPTS = ("pause", "ansible.builtin.pause", "ansible.legacy.pause")


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Shows the run as it goes."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "nilecare.platform.progress"

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._watcher = RunWatcher()
        self._terminal: Terminal | None = None
        self._task: Task | None = None
        self._estimate: Estimate | None = None
        self._last = Durations()

    # What Ansible tells us

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        self._watcher.playbook_starts(playbook)
        wish = self.get_option("progress")
        tty = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        if (wish == "terminal" or (wish == "auto" and tty)) and available():
            self._terminal = Terminal(self._watcher.run, lambda: self._watcher.now, self._remaining)

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._finish_task()
        hosts = self._watcher.play_starts(play)
        run = self._watcher.run
        if self._estimate is None:
            self._last = files.read_durations(self._durations_file)
            self._estimate = Estimate(self._last)
            mode = ", check mode: nothing is changed" if run.check else ""
            last = f", last time {human(self._last.seconds)}" if self._last.seconds else ""
            self._say(f"{run.playbook} on {run.cluster or 'this inventory'}{mode}{last}")
        if self._terminal:
            self._terminal.play(run.plays[-1][0], hosts)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._say("no host of this play is in the inventory or within the limit", C.COLOR_SKIP)

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._begin_task(task)

    def v2_playbook_on_handler_task_start(self, task: t.Any) -> None:
        self._begin_task(task)

    def v2_playbook_on_vars_prompt(self, *args: t.Any, **kwargs: t.Any) -> None:
        self._stop()

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        self._watcher.step_starts(host, task)

    def v2_runner_on_ok(self, result: t.Any) -> None:
        step = self._watcher.step_ends(result, "ok")
        self._handle_warnings(result.result)
        self._show_differences(step)
        if result.result.get("_ansible_verbose_always") or self._display.verbosity > 0:
            self._show_result(step, result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        step = self._watcher.step_ends(result, "ignored" if ignore_errors else "failed")
        self._handle_warnings(result.result)
        if ignore_errors:
            self._say(f"  {step.host}: failed, which the play ignores: {step.message}", C.COLOR_WARN)
        else:
            self._show_failure()

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        step = self._watcher.step_ends(result, "unreachable")
        if step.status == "missing":
            self._say(
                f"  {step.host}: unreachable, and the play goes on without it: {step.message}", C.COLOR_WARN
            )
        else:
            self._show_failure()

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._watcher.step_ends(result, "skipped")

    def v2_runner_retry(self, result: t.Any) -> None:
        data = result.result
        note = f"{result.host.get_name()}: try {data.get('attempts')} of {data.get('retries')}"
        if self._terminal:
            self._terminal.note = note
        elif self._display.verbosity > 0:
            self._say(f"  {note}")

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._finish_task()
        self._stop()
        self._watcher.ends(stats)
        run = self._watcher.run
        if run.check and run.result == "ok":
            self._say_all(text.plan(run))
        self._say_all(text.recap(run, stats_of(stats)))
        if run.result == "ok" and not run.limit and run.tasks and not self._watcher.state_removed:
            try:
                files.write_durations(run, self._durations_file)
            except OSError as error:
                self._display.v(f"durations were not kept: {error}")

    # How it is shown

    def _begin_task(self, task: t.Any) -> None:
        self._finish_task()
        self._task = self._watcher.task_starts(task)
        if self._estimate:
            self._estimate.enter(self._task.title, self._watcher.now)
        if self._terminal:
            if task.action in PROMPTS:
                self._terminal.stop()
            else:
                self._terminal.begin(self._task)

    def _finish_task(self) -> None:
        task, self._task = self._task, None
        if task is None or not task.steps:
            return
        if self._terminal:
            self._terminal.end(task)
            self._display.display(text.task_line(task, self._watcher.run.check), log_only=True)
        else:
            colour = "changed" if task.count("changed") else "ok"
            if task.count("failed", "unreachable"):
                colour = "failed"
            elif task.count("skipped") == len(task.steps):
                colour = "skipped"
            self._say(text.task_line(task, self._watcher.run.check), COLOURS[colour])

    def _show_failure(self) -> None:
        for line in text.failure(self._watcher.run.failures[-1]):
            self._say(line, C.COLOR_ERROR, stamp=False)

    def _show_differences(self, step: Step) -> None:
        for difference in step.differences:
            self._say(f"  {step.host}: {difference.title or 'difference'}", C.COLOR_CHANGED, stamp=False)
            colours = {"+": C.COLOR_DIFF_ADD, "-": C.COLOR_DIFF_REMOVE, "@": C.COLOR_DIFF_LINES}
            for line in difference.text.splitlines():
                self._say(f"    {line}", colours.get(line[:1]), stamp=False)

    def _show_result(self, step: Step, result: t.Any) -> None:
        self._clean_results(result.result, result.task.action)
        told = {key for key in result.result if not key.startswith("_") and key not in ("changed", "failed")}
        message = result.result.get("msg")
        lines = message if isinstance(message, list) else [message]
        if told == {"msg"} and all(isinstance(line, str) for line in lines):
            shown = "\n".join(lines)
        else:
            shown = self._dump_results(result.result, indent=2)
        for number, line in enumerate(mask(shown).splitlines()):
            self._say(f"  {step.host}: {line}" if number == 0 else f"    {line}", stamp=False)

    def _say_all(self, lines: t.Iterable[tuple[str, str]]) -> None:
        for line, status in lines:
            self._say(line, COLOURS.get(status), stamp=False)

    def _say(self, line: str, colour: str | None = None, stamp: bool = True) -> None:
        """Write a line, above the moving part where there is one. Plain lines begin with the time of day."""
        if stamp and self._terminal is None and not line.startswith(" "):
            line = f"{time.strftime('%H:%M:%S')} {line}"
        self._display.display(line, color=colour)
        sys.stdout.flush()

    def _stop(self) -> None:
        if self._terminal:
            self._terminal.stop()

    def _remaining(self) -> float | None:
        return self._estimate.remaining(self._watcher.now) if self._estimate else None

    @property
    def _durations_file(self) -> t.Any:
        run = self._watcher.run
        name = run.playbook.rsplit(".", 1)[0] + ("-check" if run.check else "")
        return self._watcher.state_directory / "durations" / f"{name}.json"


def stats_of(stats: t.Any) -> dict[str, dict[str, int]]:
    """Return Ansible's own counts by host, under its own names."""
    return {host: stats.summarize(host) for host in sorted(stats.processed)}
