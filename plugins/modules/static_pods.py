#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module static_pods."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: static_pods
short_description: Hold static pods of a control plane, or let them run
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Moves manifests out of the kubelet's folder, or back into it, and waits until the processes have ended, or
    answer again.
options:
  names:
    description: Names of the manifests without C(.yaml), which are those of the processes too.
    type: list
    elements: str
    required: true
  state:
    description: With V(held) their processes have ended afterwards, with V(running) they answer.
    type: str
    choices: [held, running]
    required: true
  ports:
    description: With O(state=running), TCP ports of this machine that must answer.
    type: list
    elements: int
    default: []
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 300
attributes:
  check_mode:
    description: Says which manifests it would move.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  platform:
    description: The platforms it runs on.
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Stop the API servers
  nilecare.platform.static_pods:
    names: [kube-apiserver]
    state: held
"""

RETURN = r"""
moved:
  description: Names of the manifests that were moved.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.backup import restore, static_pods
from ansible_collections.nilecare.platform.plugins.module_utils.backup.errors import BackupError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["held", "running"], "required": True},
            "ports": {"type": "list", "elements": "int", "default": []},
            "wait_timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    asked = module.params
    places = static_pods.Places()
    names, seconds = asked["names"], asked["wait_timeout"]
    try:
        if asked["state"] == "held":
            moved = static_pods.hold(names, places, seconds, module.check_mode)
        else:
            if "etcd" in names and not module.check_mode:
                restore.forget(places)
            moved = static_pods.release(names, places, asked["ports"], seconds, module.check_mode)
    except (BackupError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(moved), moved=moved)


if __name__ == "__main__":
    main()
