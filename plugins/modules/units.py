#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: units
short_description: Bring systemd units into a wished state, restarted when their files are newer
version_added: 0.1.0
description:
  - Enables, starts, stops, restarts and reloads units, and reloads systemd where unit files have changed.
  - A running unit is restarted when one of the files in O(units[].restart_after), or its own unit file or
    drop-in below C(/etc/systemd/system), was changed after it was started. The machine's state decides, so
    a run that was killed before a restart is made good by the next one. No handler is needed.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would change, also where the effect of earlier tasks is missing.
    support: full
  diff_mode:
    description: Shows the states before and after.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: linux
options:
  units:
    description: The units, dealt with in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name with its suffix, such as V(containerd.service).
        type: str
        required: true
      enabled:
        description: Whether it starts with the machine.
        type: bool
        default: true
      state:
        description: Whether it runs now. V(any) leaves it as it is.
        type: str
        choices: [started, stopped, any]
        default: started
      restart_after:
        description: Files after whose change the unit must be restarted. Missing ones do not count.
        type: list
        elements: path
        default: []
      reload_after:
        description: Files after whose change it is enough to reload the unit.
        type: list
        elements: path
        default: []
      restart:
        description: Restart it now when it runs, for reasons that no file shows.
        type: bool
        default: false
"""

EXAMPLES = r"""
- name: Run containerd
  nilecare.platform.units:
    units:
      - name: containerd.service
        restart_after: [/etc/containerd/config.toml, /usr/local/bin/containerd]
"""

RETURN = r"""
actions:
  description: What was, or in check mode would be, done, each with its reason.
  returned: success
  type: list
  elements: str
  sample: ["restart containerd.service: /etc/containerd/config.toml is newer than its start"]
"""

import os
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.machines.units import (
    PROPERTIES,
    Facts,
    Wish,
    failure,
    parse_show,
    plan,
)


class Systemd:
    """systemctl of this machine."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        module.run_command_environ_update = {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}

    def show(self, names: list[str]) -> dict[str, Facts]:
        """Return what systemd says of the units."""
        command = ["systemctl", "show", "--timestamp=us+utc", "--property=" + ",".join(PROPERTIES), *names]
        code, output, error = self.module.run_command(command)
        if code != 0:
            self.module.fail_json(
                msg=f"systemctl show {' '.join(names)}: {error.strip()}; nothing was changed"
            )
        return parse_show(output, names)

    def run(self, action: str, *names: str) -> None:
        """Run one action; on failure say why, with the unit's last log lines."""
        code, _output, error = self.module.run_command(["systemctl", action, *names])
        if code != 0:
            self.module.fail_json(
                msg=f"systemctl {action} {' '.join(names)} failed: {error.strip()}", log=self.log(names)
            )

    def log(self, names: tuple[str, ...]) -> list[str]:
        """Return the last lines the units wrote."""
        command = ["journalctl", "--no-pager", "--output=cat", "--lines=20"]
        for name in names:
            command += ["--unit", name]
        _code, output, _error = self.module.run_command(command)
        return list(output.splitlines())


def change_times(paths: set[str]) -> dict[str, float]:
    """Return the time of the last change of every path that exists.

    A time in the future (the clock was put back since) is taken as now and mended, so that it
    causes one restart and not one in every run.
    """
    times = {}
    now = time.time()
    for path in paths:
        try:
            times[path] = Path(path).stat().st_mtime
        except OSError:
            continue
        if times[path] > now:
            times[path] = now
    return times


def mend_future(paths: set[str]) -> None:
    """Set change times that lie in the future to now."""
    now = time.time()
    for path in paths:
        try:
            if Path(path).stat().st_mtime > now:
                os.utime(path, (now, now))
        except OSError:
            continue


def wish_of(entry: dict[str, Any]) -> Wish:
    """Return one entry of the option units as a wish."""
    return Wish(
        name=entry["name"],
        enabled=entry["enabled"],
        state=None if entry["state"] == "any" else entry["state"],
        restart_after=tuple(entry["restart_after"]),
        reload_after=tuple(entry["reload_after"]),
        restart=entry["restart"],
    )


def main() -> None:
    """Run the module."""
    entry = {
        "name": {"type": "str", "required": True},
        "enabled": {"type": "bool", "default": True},
        "state": {"type": "str", "choices": ["started", "stopped", "any"], "default": "started"},
        "restart_after": {"type": "list", "elements": "path", "default": []},
        "reload_after": {"type": "list", "elements": "path", "default": []},
        "restart": {"type": "bool", "default": False},
    }
    module = AnsibleModule(
        argument_spec={"units": {"type": "list", "elements": "dict", "required": True, "options": entry}},
        supports_check_mode=True,
    )
    systemd = Systemd(module)
    wishes = [wish_of(entry) for entry in module.params["units"]]
    names = [wish.name for wish in wishes]
    facts = systemd.show(names)
    needed = [f for wish in wishes for f in [facts[wish.name]] if not f.exists or f.needs_daemon_reload]
    actions = [f"daemon-reload: {f.name} changed on disk" for f in needed if f.needs_daemon_reload]
    if needed and not module.check_mode:
        systemd.run("daemon-reload")
        facts = systemd.show(names)
        missing = [w.name for w in wishes if w.state == "started" and not facts[w.name].exists]
        if missing:
            module.fail_json(msg=f"no such unit: {', '.join(missing)}; no unit was changed")
    watched = {p for w in wishes for p in w.restart_after + w.reload_after + facts[w.name].files}
    times = change_times(watched)
    acted: list[Wish] = []
    for wish in wishes:
        steps = plan(wish, facts[wish.name], times).actions
        for action, reason in steps:
            actions.append(f"{action} {wish.name}: {reason}")
            if not module.check_mode:
                systemd.run(action, wish.name)
        if steps:
            acted.append(wish)
    if acted and not module.check_mode:
        mend_future(watched)
        after = systemd.show(names)
        problems = [text for wish in acted if (text := failure(wish, after[wish.name]))]
        if problems:
            module.fail_json(msg="; ".join(problems), log=systemd.log(tuple(wish.name for wish in acted)))
    module.exit_json(
        changed=bool(actions),
        actions=actions,
        diff={"before": "", "after": "".join(f"{action}\n" for action in actions)},
    )


if __name__ == "__main__":
    main()
