# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turns Ansible's callback events into a ``Run``. Both callbacks of the collection stand on this."""

from __future__ import annotations

import json
import os
import sys
import time
import typing as t
from pathlib import Path

import yaml
from ansible import context
from ansible.release import __version__ as ansible_version
from ansible.template import Templar
from ansible_collections.nilecare.platform.plugins.module_utils.report.model import Machine, Run, Step, Task
from ansible_collections.nilecare.platform.plugins.module_utils.report.recorder import Recorder

MISSING_GROUP = "missing"
"""Hosts that preflight found unreachable and that the inventory allows to be left out."""

STATE_DIRECTORY = "~/.local/state/nilecare"


class RunWatcher:
    """Knows the run as far as it has come, and where its files belong."""

    def __init__(self) -> None:
        self._zero = time.monotonic()
        self._state_directory = ""
        self._state_seen = False
        self._inventory: t.Any = None
        self._latest: tuple[t.Any, t.Any] | None = None
        self.run = Run("playbook", started=time.time())
        self.recorder = Recorder(self.run)

    @property
    def now(self) -> float:
        """Return the seconds since the run's start."""
        return time.monotonic() - self._zero

    @property
    def state_directory(self) -> Path:
        """Return the folder of what is kept between runs of this cluster."""
        return Path(
            self._state_directory or f"{STATE_DIRECTORY}/{self.run.cluster or 'nilecare'}"
        ).expanduser()

    @property
    def state_removed(self) -> bool:
        """Return whether the run removed the state directory: then nothing is written there again."""
        return self._state_seen and not self.state_directory.exists()

    def playbook_starts(self, playbook: t.Any) -> None:
        """Note the playbook's name and how it was called."""
        self.run.playbook = Path(str(getattr(playbook, "_file_name", None) or "playbook")).name
        self.run.check = bool(context.CLIARGS.get("check"))
        self.run.limit = str(context.CLIARGS.get("subset") or "")
        self.run.versions = {"collection": collection_version(), "ansible_core": ansible_version}
        self.run.versions["python"] = ".".join(map(str, sys.version_info[:3]))

    def play_starts(self, play: t.Any) -> list[str]:
        """Note a play and return its hosts; the first one brings the inventory."""
        manager = play.get_variable_manager()
        inventory = getattr(manager, "_inventory", None)
        if self._inventory is None and inventory is not None:
            self._inventory = inventory
            for machine in machines_of(inventory):
                self.recorder.add_machine(machine)
        self._read_variables(play, manager)
        self._state_seen = self._state_seen or self.state_directory.exists()
        self.recorder.begin_play(play.get_name().strip(), self.now)
        if self._inventory is None:
            return []
        return [host.get_name() for host in self._inventory.get_hosts(play.hosts, ignore_restrictions=True)]

    def task_starts(self, task: t.Any) -> Task:
        """Note a task (or a handler)."""
        role = str(task._role.get_name(include_role_fqcn=False)) if task._role else ""
        name = str(task.name or task.action).strip()
        if name.startswith("Validating arguments against arg spec"):
            name = "Check the variables"
        return self.recorder.begin_task(
            task._uuid, name, role, self._relative(task.get_path() or ""), self.now
        )

    def step_starts(self, host: t.Any, task: t.Any) -> None:
        """Note that a host begins a task."""
        self.recorder.begin_step(task._uuid, host.get_name(), self.now)

    def step_ends(self, result: t.Any, status: str) -> Step:
        """Note a host's result."""
        data = result.result
        if status == "ok" and data.get("changed"):
            status = "changed"
        if status == "unreachable" and result.task.ignore_unreachable:
            status = "missing"
        for warning in data.get("warnings") or []:
            self.recorder.warn(str(warning))
        return self.recorder.end_step(
            result.task._uuid, result.host.get_name(), status, data, self.now, done_by(result)
        )

    def ends(self, stats: t.Any = None) -> None:
        """Note the end; without statistics the run was broken off."""
        if self._inventory is not None:
            group = self._inventory.groups.get(MISSING_GROUP)
            for host in group.get_hosts() if group else []:
                self.run.missing.setdefault(host.get_name(), "unreachable; the inventory allows that")
        if self._latest:
            self._read_bundle(*self._latest)
        failed = None if stats is None else {*stats.failures, *stats.dark}
        self.recorder.finish(self.now, failed)

    def _read_variables(self, play: t.Any, manager: t.Any) -> None:
        hosts = _all_hosts(self._inventory) if self._inventory is not None else []
        nodes = [host for host in hosts if any(g.name in ("cluster", "machines") for g in host.get_groups())]
        host = (nodes or hosts or [None])[0]
        variables = manager.get_vars(play=play, host=host)
        templar = Templar(loader=play.get_loader() or manager._loader, variables=variables)
        self._latest = (templar, variables)
        cluster = _value(templar, variables, "cluster_name")
        if cluster:
            self.run.cluster = cluster
        self._state_directory = _value(templar, variables, "cluster_state_directory") or self._state_directory
        kubernetes = _value(templar, variables, "kubernetes_version")
        if kubernetes:
            self.run.versions = {**self.run.versions, "kubernetes": kubernetes}

    def _read_bundle(self, templar: t.Any, variables: t.Mapping[str, t.Any]) -> None:
        bundle = _value(templar, variables, "bundle_directory") or os.environ.get("NILECARE_BUNDLE", "")
        if bundle:
            self.run.versions["bundle"] = Path(bundle).resolve().name

    @staticmethod
    def _relative(path: str) -> str:
        root = str(Path(__file__).resolve().parents[2])
        for prefix in (root + "/", str(Path.cwd()) + "/"):
            if path.startswith(prefix):
                return path[len(prefix) :]
        marker = "/nilecare/platform/"
        return path.split(marker, 1)[1] if marker in path else path


def machines_of(inventory: t.Any) -> list[Machine]:
    """Return the machines and services of an inventory, in its order."""
    found = []
    for host in _all_hosts(inventory):
        groups = sorted(host.get_groups(), key=lambda group: -group.depth)
        names = [group.name for group in groups if group.name != "all"]
        service = "services" in names
        if service or "mirror" in names or "cluster" in names:
            site = next((name[len("site_") :] for name in names if name.startswith("site_")), "")
            address = "" if service else str(host.vars.get("ansible_host", ""))
            found.append(Machine(host.get_name(), site, address, names, service))
    return found


def _all_hosts(inventory: t.Any) -> list[t.Any]:
    """Return every host, whatever --limit and the play that runs select."""
    return list(inventory.get_hosts("all", ignore_limits=True, ignore_restrictions=True))


def done_by(result: t.Any) -> str:
    """Return the host that did a task once for all hosts, where that is not the host of the result."""
    task = result.task
    # ansible-core 2.19 leaves only the task's own words, which may be a template.
    host = (result.result.get("_ansible_delegated_vars") or {}).get(
        "ansible_delegated_host"
    ) or task.delegate_to
    known = host and "{{" not in str(host)
    return str(host) if known and task.run_once and host != result.host.get_name() else ""


def collection_version() -> str:
    """Return this collection's version, from what galaxy made or from its source."""
    root = Path(__file__).resolve().parents[2]
    try:
        if (root / "MANIFEST.json").exists():
            return str(json.loads((root / "MANIFEST.json").read_text())["collection_info"]["version"])
        return str(yaml.safe_load((root / "galaxy.yml").read_text())["version"])
    except (OSError, KeyError, ValueError):
        return ""


def _value(templar: t.Any, variables: t.Mapping[str, t.Any], name: str) -> str:
    """Return a variable as text; one that cannot be computed here counts as not there."""
    raw = variables.get(name)
    if raw is None:
        return ""
    try:
        return str(templar.template(raw))
    except Exception:  # whatever a template can raise: the report must not end the run
        return ""
