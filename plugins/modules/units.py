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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.machines import units
from ansible_collections.nilecare.platform.plugins.module_utils.machines.state import Machine, StateError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "dict", "required": True, "options": units.SPEC}
        },
        supports_check_mode=True,
    )
    try:
        change = units.ensure(Machine(module.run_command, module.check_mode), module.params["units"])
    except StateError as error:
        module.fail_json(msg=str(error), log=error.log)
    module.exit_json(changed=bool(change.lines), actions=change.lines, diff=change.diffs)


if __name__ == "__main__":
    main()
