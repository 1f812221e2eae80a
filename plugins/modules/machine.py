#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: machine
short_description: Many parts of a machine's state in one task
version_added: 0.1.0
description:
  - Brings about files, packages, trust, kernel settings, locales, downloads from the mirror and systemd
    units, step by step, in the given order. One task instead of many makes a second run several times faster.
  - Each step has a name and exactly one part.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would change, also where the effect of earlier steps is missing.
    support: full
  diff_mode:
    description: Shows the differences of every step.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: debian
options:
  steps:
    description: What shall be, in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What the step is for; shown when it changes something or fails.
        type: str
        required: true
      files:
        description: As option O(nilecare.platform.files#module:files) of that module.
        type: list
        elements: dict
      packages:
        description: Options of module M(nilecare.platform.packages).
        type: dict
      trust:
        description:
          - A certificate authority to trust. C(name) becomes part of a file name, C(certificate) is its PEM,
            which may be empty in check mode. C(state) V(absent) takes the authority out again.
        type: dict
      kernel:
        description:
          - C(modules), a list of kernel modules to load. C(sysctl), keys and values.
          - C(swap), by default V(true) and left alone. With V(false) all swap is switched off, its lines in
            /etc/fstab become comments and swap.target is masked.
          - C(name) of the files in modules-load.d and sysctl.d, by default V(90-nilecare).
        type: dict
      locales:
        description: Locales to generate, such as V(ar_SD.UTF-8).
        type: list
        elements: str
      mirror_files:
        description: Options of module M(nilecare.platform.mirror_files).
        type: dict
      units:
        description: As option O(nilecare.platform.units#module:units) of that module.
        type: list
        elements: dict
      volumes:
        description:
          - File systems of their own, which grow and never shrink. C(volumes) is a list with C(name) and
            C(size) in bytes each; they are mounted at C(root), by default /var/lib/nilecare/volumes, each
            with a directory C(data).
          - C(volume_group) of LVM that they are made in; without it they are files below C(files_root), whose
            room is taken at once unless C(preallocate) is V(false).
        type: dict
"""

EXAMPLES = r"""
- name: Keep the time
  nilecare.platform.machine:
    steps:
      - name: chrony
        packages:
          names: [chrony]
      - name: where the time comes from
        files:
          - path: /etc/chrony/chrony.conf
            content: "server mirror.nilecare.internal iburst"
      - name: the service
        units:
          - name: chrony.service
            restart_after: [/etc/chrony/chrony.conf]
"""

RETURN = r"""
steps:
  description: Steps that changed, or in check mode would change, something.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the step.
      type: str
    changes:
      description: What changed.
      type: list
      elements: str
  sample:
    - name: the service
      changes: ["restart chrony.service: /etc/chrony/chrony.conf is newer than its start"]
"""

from ansible_collections.nilecare.platform.plugins.module_utils.machines import files, steps
from ansible_collections.nilecare.platform.plugins.module_utils.machines.state import Machine, StateError
from ansible_collections.nilecare.platform.plugins.module_utils.quiet import QuietModule


def main() -> None:
    """Run the module."""
    module = QuietModule(
        argument_spec={
            "steps": {"type": "list", "elements": "dict", "required": True, "options": steps.SPEC}
        },
        supports_check_mode=True,
    )
    for step in module.params["steps"]:
        module.no_log_values.update(files.secret_contents(step.get("files") or []))
    try:
        done = steps.ensure(Machine(module.run_command, module.check_mode), module.params["steps"])
    except StateError as error:
        module.fail_json(msg=str(error), log=error.log)
    module.exit_json(
        changed=bool(done),
        steps=[{"name": name, "changes": change.lines} for name, change in done],
        diff=[diff for _name, change in done for diff in change.diffs],
    )


if __name__ == "__main__":
    main()
