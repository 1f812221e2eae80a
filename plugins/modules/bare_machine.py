#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module bare_machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bare_machine
short_description: Take services and files off a machine
version_added: 0.1.0
description:
  - Stops and disables units and removes their unit files, ends containers that are left without their
    runtime, unmounts what they had mounted, and removes files and directories. Of a mount point only the
    content goes.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would remove.
    support: full
  diff_mode:
    description: Shows what is removed.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: linux
options:
  units:
    description: Units to stop and disable, in this order.
    type: list
    elements: str
    default: []
  containers:
    description: Whether containers of Kubernetes are ended and their mounts taken away.
    type: bool
    default: false
  paths:
    description: Absolute paths to remove. The last part may be a pattern.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Remove the runtime
  nilecare.platform.bare_machine:
    units: [containerd.service]
    containers: true
    paths: [/etc/containerd, /var/lib/containerd]
"""

RETURN = r"""
removed:
  description: What was there and is gone.
  returned: always
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import bare

MOUNTS = ("/run/containerd", "/var/lib/containerd", "/var/lib/kubelet", "/run/netns", "/var/run/netns")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "default": []},
            "containers": {"type": "bool", "default": False},
            "paths": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    asked, dry_run, root = module.params, module.check_mode, Path("/")
    relative = [path for path in asked["paths"] if not path.startswith("/") or len(Path(path).parts) < 3]
    if relative:
        module.fail_json(msg=f"Not removed, for they are not two levels below /: {', '.join(relative)}")
    removed = bare.stop_units(asked["units"], root, dry_run)
    if asked["containers"]:
        removed += bare.end_containers(dry_run)
        removed += bare.unmount(MOUNTS, dry_run)
    removed += bare.remove_paths(asked["paths"], root, dry_run)
    diff = {"before": "".join(f"{what}\n" for what in removed), "after": ""}
    module.exit_json(changed=bool(removed), removed=removed, diff=diff)


if __name__ == "__main__":
    main()
