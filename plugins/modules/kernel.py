#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: kernel
short_description: Kernel modules, sysctl values and swap of a machine, now and after a restart
version_added: 0.1.0
description:
  - Writes one file each for modules and sysctl values, and makes the running kernel agree with them.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would change, also where the effect of earlier tasks is missing.
    support: full
  diff_mode:
    description: Shows what differs.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: linux
options:
  modules:
    description: Kernel modules that must be loaded.
    type: list
    elements: str
    default: []
  sysctl:
    description: Keys and values, such as V(net.ipv4.ip_forward) and V(1).
    type: dict
    default: {}
  swap:
    description:
      - V(false) switches all swap off, makes its lines in /etc/fstab comments and masks swap.target.
        V(true) leaves swap as it is.
    type: bool
    default: true
  name:
    description: Name of the files, without suffix.
    type: str
    default: 90-nilecare
"""

EXAMPLES = r"""
- name: Set kernel modules, sysctl values and swap
  nilecare.platform.kernel:
    modules: [overlay, br_netfilter]
    sysctl:
      net.ipv4.ip_forward: 1
    swap: false
"""

RETURN = r"""
changes:
  description: What was, or in check mode would be, changed.
  returned: success
  type: list
  elements: str
  sample: ["net.ipv4.ip_forward: 0 -> 1"]
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.machines import kernel
from ansible_collections.nilecare.platform.plugins.module_utils.machines.files import (
    FilesError,
    Wish,
    apply_wishes,
)


def file_wishes(name: str, modules: list[str], sysctl: dict[str, str], swap: bool) -> list[Wish]:
    """Return the files that keep the state over a restart."""
    wishes = [
        Wish(Path(f"/etc/modules-load.d/{name}.conf"), content=kernel.modules_text(modules), mode=0o644),
        Wish(Path(f"/etc/sysctl.d/{name}.conf"), content=kernel.sysctl_text(sysctl), mode=0o644),
    ]
    if not swap:
        wishes.append(Wish(Path("/etc/systemd/system/swap.target"), state="link", target="/dev/null"))
        fstab = Path("/etc/fstab")
        if fstab.exists():
            wishes.append(Wish(fstab, content=kernel.fstab_without_swap(fstab.read_text())))
    return wishes


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "modules": {"type": "list", "elements": "str", "default": []},
            "sysctl": {"type": "dict", "default": {}},
            "swap": {"type": "bool", "default": True},
            "name": {"type": "str", "default": "90-nilecare"},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C"}
    root = kernel.Root()
    modules: list[str] = module.params["modules"]
    sysctl = {key: str(value) for key, value in module.params["sysctl"].items()}
    try:
        files = apply_wishes(
            file_wishes(module.params["name"], modules, sysctl, module.params["swap"]), module.check_mode
        )
    except FilesError as error:
        module.fail_json(msg=str(error))
    changes: list[str] = []
    problems = []

    missing = kernel.missing_modules(root, os.uname().release, modules)
    for name in missing:
        changes.append(f"module {name}: not loaded -> loaded")
        if not module.check_mode:
            code, _output, error = module.run_command(["modprobe", "--", name])
            if code != 0:
                problems.append(f"module {name}: {error.strip()}")

    wrong, unknown = kernel.wrong_sysctl(root, sysctl)
    for key, (before, after) in wrong.items():
        changes.append(f"{key}: {before} -> {after}")
        if not module.check_mode:
            try:
                kernel.sysctl_path(root, key).write_text(f"{after}\n")
            except OSError as error:
                problems.append(f"sysctl {key}: {error.strerror} (is {before}, {after} was expected)")
    # A module that is not loaded yet (check mode) may bring the key.
    if unknown and not (module.check_mode and missing):
        problems += [f"sysctl {key}: this kernel has no such key" for key in unknown]
    elif unknown:
        changes += [f"{key}: set once its module is loaded" for key in unknown]

    if not module.params["swap"]:
        for device in kernel.active_swaps(Path("/proc/swaps").read_text()):
            changes.append(f"swap {device}: on -> off")
            if not module.check_mode:
                code, _output, error = module.run_command(["swapoff", device])
                if code != 0:
                    problems.append(f"swap {device}: {error.strip()}")
    if problems:
        module.fail_json(msg="; ".join(problems), changes=changes)
    diffs = [*files.diffs]
    if changes:
        diffs.append({"before": "", "after": "".join(f"{change}\n" for change in changes)})
    changes = files.changed_paths + changes
    module.exit_json(
        changed=bool(changes),
        changes=changes,
        diff=diffs,
    )


if __name__ == "__main__":
    main()
