#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module kubeadm_node_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_node_info
short_description: Tell the real state of a machine as a node of a kubeadm cluster
version_added: 0.1.0
description:
  - Reads the machine's files and asks the API server and etcd with the machine's own certificates. No file
    alone makes a node.
  - Waits for a kubeadm that a killed run has left working on the machine, so that its outcome is seen.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  platform:
    description: The platforms it runs on.
    support: full
    platforms: linux
options:
  name:
    description: Name of the node.
    type: str
    required: true
  address:
    description: Address of the node.
    type: str
    required: true
  control_planes:
    description: Addresses of all control planes, for asking etcd.
    type: list
    elements: str
    required: true
  wait:
    description: Seconds to wait for an API server and etcd that do not answer, where the files are complete.
    type: int
    default: 90
  lock_timeout:
    description: Seconds to wait for a kubeadm that is still working.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Tell the node's state
  nilecare.platform.kubeadm_node_info:
    name: "{{ inventory_hostname }}"
    address: "{{ ansible_host }}"
    control_planes: "{{ groups['control_plane'] | map('extract', hostvars, 'ansible_host') }}"
  register: kubernetes_node_info
"""

RETURN = r"""
kubeadm:
  description: The judgement.
  returned: always
  type: dict
  contains:
    state:
      description:
        - V(absent) is no trace of a cluster, V(partial) half joined or half created.
        - V(unreachable) is a machine with all files of a node whose cluster does not answer.
      type: str
    role:
      description: What the files speak of, V(control_plane), V(worker) or an empty string.
      type: str
    reason:
      description: Why, in words.
      type: str
    ca_fingerprint:
      description: SHA-256 of the cluster's CA certificate, hexadecimal, empty where there is none.
      type: str
    finalised:
      description: Whether the kubelet's credentials are the rotating ones, set at the end of init or join.
      type: bool
    etcd_data:
      description: Whether etcd has written data here.
      type: bool
    addons:
      description: On a control plane, whether the init came to its end; null where it is not known.
      type: bool
    missing:
      description: What a whole node would have and this one has not.
      type: list
      elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import node, process


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "control_planes": {"type": "list", "elements": "str", "required": True},
            "wait": {"type": "int", "default": 90},
            "lock_timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    asked = module.params
    machine = node.Node(
        name=asked["name"],
        address=asked["address"],
        role="",
        control_planes=tuple(asked["control_planes"]),
        wait=asked["wait"],
        timeout=asked["lock_timeout"],
    )
    try:
        process.wait_for_others(asked["lock_timeout"])
        found = machine.look()
    except process.BusyError as error:
        module.fail_json(msg=f"The state of {asked['name']} cannot be told: {error}. Nothing was changed.")
    module.exit_json(changed=False, kubeadm=found.as_dict())


if __name__ == "__main__":
    main()
