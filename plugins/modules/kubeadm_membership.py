#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module kubeadm_membership."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_membership
short_description: Make a cluster forget machines that leave it or are to join anew
version_added: 0.1.0
description:
  - Runs on a control plane that stays. Removes the machines' etcd members (never at the cost of the quorum)
    and their Nodes. Machines the cluster does not know cost nothing.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says whom it would make the cluster forget.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  platform:
    description: The platforms it runs on.
    support: full
    platforms: linux
options:
  nodes:
    description: Names and addresses of the machines to forget.
    type: dict
    required: true
  control_planes:
    description: Addresses of all control planes, for asking etcd.
    type: list
    elements: str
    required: true
  drain:
    description: Move pods away first, with respect to their disruption budgets.
    type: bool
    default: false
  drain_timeout:
    description: Seconds to wait for the pods to go. Then the task fails and nothing is forgotten.
    type: int
    default: 300
  wait:
    description: Seconds to wait for the API server and etcd.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Forget the worker
  nilecare.platform.kubeadm_membership:
    nodes:
      khartoum-2: 10.77.1.12
    control_planes: [10.77.1.11, 10.77.2.11, 10.77.3.11]
    drain: true
  delegate_to: khartoum-1
"""

RETURN = r"""
forgotten:
  description: Names that the cluster has forgotten.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import drain, membership
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm.api import (
    RefusedError,
    UnreachableError,
)
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm.etcd import QuorumAtRiskError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "dict", "required": True},
            "control_planes": {"type": "list", "elements": "str", "required": True},
            "drain": {"type": "bool", "default": False},
            "drain_timeout": {"type": "int", "default": 300},
            "wait": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    asked, dry_run = module.params, module.check_mode
    try:
        if asked["drain"] and not dry_run:
            drain.drain(membership.admin(), sorted(asked["nodes"]), asked["drain_timeout"])
        forgotten = membership.forget(asked["nodes"], asked["control_planes"], asked["wait"], dry_run)
    except drain.NotDrainedError as error:
        module.fail_json(msg=f"The nodes are cordoned but not empty, and nothing was forgotten: {error}")
    except (UnreachableError, RefusedError, QuorumAtRiskError) as error:
        module.fail_json(msg=f"Not forgotten: {error}")
    module.exit_json(changed=bool(forgotten), forgotten=forgotten)


if __name__ == "__main__":
    main()
