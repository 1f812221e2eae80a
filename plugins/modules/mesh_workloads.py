#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mesh_workloads
short_description: Moves workloads to a control plane of the service mesh
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Starts the pods of every Deployment anew that another control plane of the mesh serves, so that their
    proxies connect to the wanted one. One Deployment after the other, each by its own rolling update.
  - What does not come up is put back, and the rest is not begun.
  - The namespaces' tag must name the wanted revision already; see role istio.
options:
  kubeconfig:
    description: Path of the kubeconfig.
    type: path
    required: true
  revision:
    description: Revision of the control plane that shall serve all workloads.
    type: str
    required: true
  tag:
    description: Tag of the namespaces, to be told which revision they get; see RV(serving).
    type: str
    default: nilecare
  timeout:
    description: Seconds that one Deployment may take.
    type: int
    default: 300
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details: Says in RV(moved) which Deployments would be started anew.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
  platform:
    description: Target systems.
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Move all workloads to the new control plane
  nilecare.platform.mesh_workloads:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    revision: 1-32-0
"""

RETURN = r"""
moved:
  description: Deployments that were started anew, or would be, by namespace and name.
  type: list
  elements: str
  returned: always
serving:
  description: Revision that pods of the tag's namespaces get when they start; empty without such a tag.
  type: str
  returned: success
others:
  description: Revisions of the control planes beside the wanted one; nothing is served by them any more.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import KubernetesError
from ansible_collections.nilecare.platform.plugins.module_utils.services.mesh_workloads import (
    MoveFailed,
    move,
    serving,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "revision": {"type": "str", "required": True},
            "tag": {"type": "str", "default": "nilecare"},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    try:
        with Client.from_kubeconfig(module.params["kubeconfig"]) as client:
            now = serving(client, module.params["tag"])
            done = move(client, module.params["revision"], module.params["timeout"], module.check_mode)
    except MoveFailed as error:
        module.fail_json(msg=str(error), moved=error.move.moved)
    except KubernetesError as error:
        module.fail_json(msg=str(error), moved=[])
    module.exit_json(changed=bool(done.moved), moved=done.moved, others=done.others, serving=now)


if __name__ == "__main__":
    main()
