#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module kubeadm_kubeconfig."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_kubeconfig
short_description: Give the administrator's kubeconfig, for use from outside the cluster
version_added: 0.1.0
description:
  - Reads C(admin.conf) of a control plane and returns it with another server address. Use it with C(no_log).
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Changes nothing. Where there is no cluster yet, the kubeconfig is empty.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  platform:
    description: The platforms it runs on.
    support: full
    platforms: linux
options:
  server:
    description: URL at which the API server is reached.
    type: str
    required: true
  server_name:
    description: Name that the API server's certificate is verified for.
    type: str
    required: true
  cluster_name:
    description: Name of the cluster, user and context in the kubeconfig.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Read the administrator's kubeconfig
  nilecare.platform.kubeadm_kubeconfig:
    server: https://10.77.0.10:7443
    server_name: api.nilecare.internal
    cluster_name: nilecare
  no_log: true
  register: kubeconfig
"""

RETURN = r"""
kubeconfig:
  description: The kubeconfig, YAML.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import api, membership


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "server": {"type": "str", "required": True},
            "server_name": {"type": "str", "required": True},
            "cluster_name": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    config = api.read_kubeconfig(membership.ADMIN)
    if config is None or not config.has_credentials:
        if module.check_mode:
            module.exit_json(changed=False, kubeconfig="")
        module.fail_json(
            msg=f"This machine is no whole control plane: {membership.ADMIN} has no credentials."
        )
    text = api.render_kubeconfig(
        config, module.params["server"], module.params["server_name"], module.params["cluster_name"]
    )
    module.exit_json(changed=False, kubeconfig=text)


if __name__ == "__main__":
    main()
