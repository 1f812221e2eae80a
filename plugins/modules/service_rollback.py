#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: service_rollback
short_description: An earlier version of a service brought back
description:
  - Gives the service's Deployment the pods of an earlier version, with the configuration and secrets that
    they had, and stays until they alone serve. When they do not come up, the version that served before is
    put back.
  - The inventory still names the newer version, and the next delivery brings it again unless it is changed
    there.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
options:
  kubeconfig:
    description: Path of the kubeconfig file.
    type: path
    required: true
  name:
    description: Name of the service's Deployment, as in V(ehr-service).
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    required: true
  revision:
    description:
      - Number of the version, from M(nilecare.platform.service_history). 0 is the one before the
        current.
    type: int
    default: 0
  deadline:
    description: Seconds without progress after which the earlier version counts as failed.
    type: int
    default: 300
attributes:
  check_mode:
    description: Says which version would come back.
    support: full
  diff_mode:
    description: Shows the versions before and after.
    support: full
  platform:
    description: Runs on the controller.
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Go back to the version before
  nilecare.platform.service_rollback:
    kubeconfig: ~/.local/state/nilecare/nilecare/kubeconfig
    name: ehr-service
    namespace: clinical
"""

RETURN = r"""
before:
  description: The version that served, as in RV(nilecare.platform.service_history#module:revisions).
  type: dict
  returned: success
after:
  description: The version that serves now.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.services.tasks import (
    TARGET_ARGUMENTS,
    TaskError,
    rollback_task,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **TARGET_ARGUMENTS,
            "revision": {"type": "int", "default": 0},
            "deadline": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    try:
        values = rollback_task(module.params, module.check_mode)
    except TaskError as error:
        module.fail_json(msg=str(error), **error.values)
    if module._diff and values["changed"]:
        values["diff"] = {
            "before": f"{values['before']['image']}\n",
            "after": f"{values['after']['image']}\n",
        }
    module.exit_json(**values)


if __name__ == "__main__":
    main()
