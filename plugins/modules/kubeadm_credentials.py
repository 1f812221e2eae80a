#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module kubeadm_credentials."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_credentials
short_description: Make the credentials with which machines join a cluster
version_added: 0.1.0
description:
  - Runs on a control plane that serves. First it makes the cluster forget the machines that are to join,
    because a machine that is known (by a Node or an etcd member of a killed join) cannot join again.
  - Then it makes a bootstrap token that ends soon and, where control planes join, uploads the certificates.
  - Use it with C(no_log), its result holds the secrets.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Makes nothing and returns empty credentials.
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
    description: Names and addresses of the machines that are to join.
    type: dict
    required: true
  certificates:
    description: Whether control planes are among them.
    type: bool
    default: false
  documents:
    description: InitConfiguration and ClusterConfiguration, which C(upload-certs) needs.
    type: list
    elements: dict
    default: []
  control_planes:
    description: Addresses of all control planes, for asking etcd.
    type: list
    elements: str
    required: true
  ttl:
    description: Seconds after which the token ends.
    type: int
    default: 1200
  wait:
    description: Seconds to wait for the API server and etcd.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Make join credentials
  nilecare.platform.kubeadm_credentials:
    nodes:
      khartoum-2: 10.77.1.12
    control_planes: [10.77.1.11, 10.77.2.11, 10.77.3.11]
  delegate_to: khartoum-1
  register: kubeadm_credentials
  no_log: true
"""

RETURN = r"""
credentials:
  description: For option C(credentials) of M(nilecare.platform.kubeadm_node).
  returned: success
  type: dict
  contains:
    token:
      description: Bootstrap token.
      type: str
    certificate_key:
      description: Key of the uploaded certificates, empty where no control plane joins.
      type: str
    ca_certificate:
      description: The cluster's CA, PEM.
      type: str
forgotten:
  description: Names that the cluster has forgotten.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import membership, process
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm.api import (
    RefusedError,
    UnreachableError,
)
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm.etcd import QuorumAtRiskError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "dict", "required": True},
            "certificates": {"type": "bool", "default": False},
            "documents": {"type": "list", "elements": "dict", "default": []},
            "control_planes": {"type": "list", "elements": "str", "required": True},
            "ttl": {"type": "int", "default": 1200},
            "wait": {"type": "int", "default": 60},
        },
        required_if=[("certificates", True, ["documents"])],
        supports_check_mode=True,
    )
    asked = module.params
    if module.check_mode:
        empty = {"token": "", "certificate_key": "", "ca_certificate": ""}
        module.exit_json(changed=True, credentials=empty, forgotten=[])
    forgotten: list[str] = []
    try:
        forgotten = membership.forget(asked["nodes"], asked["control_planes"], asked["wait"])
        credentials = membership.make_credentials(
            asked["documents"] if asked["certificates"] else [], asked["ttl"], asked["wait"]
        )
    except (
        UnreachableError,
        RefusedError,
        QuorumAtRiskError,
        process.FailedError,
        process.BusyError,
    ) as error:
        said = ", ".join(forgotten) or "nobody"
        module.fail_json(msg=f"No credentials were made: {error}. Forgotten: {said}.")
    module.exit_json(changed=True, credentials=credentials, forgotten=forgotten)


if __name__ == "__main__":
    main()
