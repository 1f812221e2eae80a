#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module kubeadm_node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_node
short_description: Create a cluster on a machine, join a machine to it, or take it out, by kubeadm
version_added: 0.1.0
description:
  - Acts on the machine's real state (see M(nilecare.platform.kubeadm_node_info)), never on a file's
    presence alone.
  - A half joined or half created node is undone with C(kubeadm reset) and done anew. A machine of another
    cluster, one whose cluster does not answer, and a control plane with data are never touched.
  - Secrets reach kubeadm in files in memory that only root can read and that are removed afterwards.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would do, also on a bare machine.
    support: full
  diff_mode:
    description: Shows the states before and after.
    support: full
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
  state:
    description:
      - V(initialised) creates the cluster here, V(joined) joins it, V(absent) makes the machine bare of
        any cluster.
    type: str
    choices: [initialised, joined, absent]
    required: true
  role:
    description: What the machine is to be.
    type: str
    choices: [control_plane, worker]
    default: worker
  control_planes:
    description: Addresses of all control planes.
    type: list
    elements: str
    required: true
  documents:
    description:
      - Configuration documents for kubeadm. InitConfiguration first for V(initialised); JoinConfiguration,
        without credentials, for V(joined).
    type: list
    elements: dict
    default: []
  credentials:
    description: What M(nilecare.platform.kubeadm_credentials) returned, for V(joined).
    type: dict
    suboptions:
      token:
        description: Bootstrap token.
        type: str
        required: true
      certificate_key:
        description: Key of the uploaded certificates, for control planes.
        type: str
        default: ''
      ca_certificate:
        description: The cluster's CA, PEM.
        type: str
        required: true
  server:
    description: URL of the API server's endpoint, for V(joined).
    type: str
  attempts:
    description: How often a join is tried when etcd says that it is busy with another member.
    type: int
    default: 4
  wait:
    description: Seconds to wait for an API server or etcd that does not answer.
    type: int
    default: 60
  timeout:
    description: Seconds that kubeadm may take.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Join the cluster
  nilecare.platform.kubeadm_node:
    name: khartoum-2
    address: 10.77.1.12
    state: joined
    server: https://api.nilecare.internal:7443
    control_planes: [10.77.1.11, 10.77.2.11, 10.77.3.11]
    documents: ["{{ worker_join_document }}"]
    credentials: "{{ kubeadm_credentials.credentials }}"
  no_log: true
"""

RETURN = r"""
before:
  description: The state before, as in M(nilecare.platform.kubeadm_node_info).
  returned: success
  type: str
done:
  description: What was done, in words.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import node, process


def _work(module: AnsibleModule, machine: node.Node) -> tuple[bool, str, str]:
    asked = module.params
    if asked["state"] == "initialised":
        return node.initialise(machine, asked["documents"], module.check_mode)
    if asked["state"] == "absent":
        return node.leave(machine, module.check_mode, module.warn)
    return node.join(
        machine,
        asked["documents"][0],
        asked["credentials"],
        asked["server"],
        asked["attempts"],
        module.check_mode,
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["initialised", "joined", "absent"], "required": True},
            "role": {"type": "str", "choices": ["control_plane", "worker"], "default": "worker"},
            "control_planes": {"type": "list", "elements": "str", "required": True},
            "documents": {"type": "list", "elements": "dict", "default": []},
            "credentials": {
                "type": "dict",
                "options": {
                    "token": {"type": "str", "required": True, "no_log": True},
                    "certificate_key": {"type": "str", "default": "", "no_log": True},
                    "ca_certificate": {"type": "str", "required": True},
                },
            },
            "server": {"type": "str"},
            "attempts": {"type": "int", "default": 4},
            "wait": {"type": "int", "default": 60},
            "timeout": {"type": "int", "default": 600},
        },
        required_if=[
            ("state", "initialised", ["documents"]),
            ("state", "joined", ["documents", "credentials", "server"]),
        ],
        supports_check_mode=True,
    )
    asked = module.params
    machine = node.Node(
        name=asked["name"],
        address=asked["address"],
        role=asked["role"],
        control_planes=tuple(asked["control_planes"]),
        wait=asked["wait"],
        timeout=asked["timeout"],
    )
    try:
        changed, before, done = _work(module, machine)
    except (node.RefusalError, process.BusyError) as error:
        module.fail_json(msg=f"{asked['name']} cannot be {asked['state']}: {error}. Nothing was changed.")
    except process.FailedError as error:
        module.fail_json(
            msg=f"{asked['name']} could not be {asked['state']}. The next run undoes what is half done. "
            f"{error}"
        )
    after = asked["state"] if changed else before
    diff = {"before": f"{before}\n", "after": f"{after}\n"}
    module.exit_json(changed=changed, before=before, done=done, diff=diff)


if __name__ == "__main__":
    main()
