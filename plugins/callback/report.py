# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes report.json and report.html at the end of every run."""

from __future__ import annotations

DOCUMENTATION = r"""
name: report
type: aggregate
short_description: A report of every run, for people and for programs
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Writes C(report.json) and C(report.html) into a folder of its own for every run, also when the run
    fails or is broken off, and moves the link C(latest) to it.
  - The page shows the sites and machines, a timeline of each host, the slowest tasks, what changed (with
    differences where O(ignore:--diff) was given; secrets masked), versions and warnings. It needs nothing
    beside itself.
  - A task adds a section by the key C(nilecare_report) in its result.
options:
  report_directory:
    description:
      - Folder that holds the reports. Without it they go to C(reports) in the cluster's state directory,
        C(~/.local/state/nilecare/<cluster_name>/reports).
    type: path
    env:
      - name: NILECARE_REPORT_DIRECTORY
    ini:
      - section: nilecare
        key: report_directory
  report_keep:
    description: Number of reports that are kept; older ones are removed. 0 keeps all.
    type: int
    default: 50
    env:
      - name: NILECARE_REPORT_KEEP
    ini:
      - section: nilecare
        key: report_keep
"""

import atexit
import contextlib
import os
import typing as t
from pathlib import Path

from ansible.plugins.callback import CallbackBase
from ansible_collections.nilecare.platform.plugins.module_utils.report import files
from ansible_collections.nilecare.platform.plugins.plugin_utils.run_watcher import RunWatcher


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Watches the run and writes its report."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "nilecare.platform.report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._watcher = RunWatcher()
        self._process = os.getpid()
        self._written = False

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        self._watcher.playbook_starts(playbook)
        # A run that is broken off (Ctrl-C, an error of Ansible itself) sends no statistics.
        atexit.register(self._broken_off)

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._watcher.play_starts(play)

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._watcher.task_starts(task)

    def v2_playbook_on_handler_task_start(self, task: t.Any) -> None:
        self._watcher.task_starts(task)

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        self._watcher.step_starts(host, task)

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._watcher.step_ends(result, "ok")

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._watcher.step_ends(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._watcher.step_ends(result, "unreachable")

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._watcher.step_ends(result, "skipped")

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._watcher.ends(stats)
        self._write()

    def _broken_off(self) -> None:
        if not self._written and os.getpid() == self._process and self._watcher.run.tasks:
            with contextlib.suppress(Exception):
                self._watcher.ends()
                self._write()

    def _write(self) -> None:
        self._written = True
        run = self._watcher.run
        configured = self.get_option("report_directory")
        if self._watcher.state_removed and not configured:
            return
        parent = Path(configured) if configured else self._watcher.state_directory / "reports"
        try:
            folder = files.write(run, parent.expanduser(), int(self.get_option("report_keep")))
        except OSError as error:
            self._display.warning(
                f"The report was not written to {parent}: {error}. The run itself is not affected."
            )
            return
        self._display.display(f"Report: {folder}/report.html")
