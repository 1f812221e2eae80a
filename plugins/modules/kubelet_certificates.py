#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module kubelet_certificates."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubelet_certificates
short_description: See that every kubelet serves with a certificate of the cluster
version_added: 0.1.0
description:
  - Runs on a control plane. Connects to every kubelet and verifies its certificate.
  - Approves pending requests for serving certificates by a rule. The requestor is a node of the inventory,
    and the names asked for are that node's own name and address and no others.
  - A request that breaks the rule is left pending and reported.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says which requests it would approve.
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
    description: Names and addresses of all nodes of the inventory that may have a certificate.
    type: dict
    required: true
  expected:
    description: Names of the nodes that must have one now. All of O(nodes) when not given.
    type: list
    elements: str
  wait_timeout:
    description: Seconds to wait for the certificates.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Approve serving certificates
  nilecare.platform.kubelet_certificates:
    nodes:
      khartoum-1: 10.77.1.11
  delegate_to: khartoum-1
  run_once: true
"""

RETURN = r"""
approved:
  description: Requestors whose requests were approved.
  returned: success
  type: list
  elements: str
refused:
  description: Requests left pending, with the reasons.
  returned: success
  type: dict
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import approver, membership
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm.api import (
    RefusedError,
    UnreachableError,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "dict", "required": True},
            "expected": {"type": "list", "elements": "str"},
            "wait_timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    asked = module.params
    nodes = asked["nodes"]
    expected = nodes if asked["expected"] is None else {name: nodes[name] for name in asked["expected"]}
    if module.check_mode and not approver.ADMIN.exists():
        module.exit_json(changed=True, approved=sorted(expected), refused={})
    try:
        approved, waiting, refused = approver.ensure(
            membership.admin(),
            nodes,
            expected,
            Path("/etc/kubernetes/pki/ca.crt"),
            asked["wait_timeout"],
            module.check_mode,
        )
    except (UnreachableError, RefusedError) as error:
        module.fail_json(msg=f"Serving certificates cannot be looked at: {error}")
    said = "; ".join(f"request {name} is left pending: {', '.join(why)}" for name, why in refused.items())
    if waiting and not module.check_mode:
        module.fail_json(
            msg=f"No kubelet certificate of this cluster after {asked['wait_timeout']} s on "
            f"{', '.join(waiting)}. "
            + (said or "No request is pending: is the kubelet running there, and port 10250 open?")
        )
    if said:
        module.warn(said)
    module.exit_json(changed=bool(approved), approved=approved, refused=refused)


if __name__ == "__main__":
    main()
