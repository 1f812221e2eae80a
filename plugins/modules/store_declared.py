#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: store_declared
short_description: Databases, topics, queues and users that services declared of a store
description:
  - Brings about in a data store or broker what the services that depend on it declare, with the engine's own
    tools inside its members. Each service has its own user with the least rights; a password replaced
    in the cluster is replaced in the store.
  - Passwords are read from the Secret C(NAME-users) of the store's namespace, by service. They are in no
    argument and no result.
  - Users of services that no longer declare the store lose their access. What holds data is never removed.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
options:
  kubeconfig:
    description: Path of the kubeconfig.
    type: path
    required: true
  kubectl:
    description: Path of kubectl.
    type: path
    default: kubectl
  store:
    description: The store, as M(nilecare.platform.store_model) returns it.
    type: dict
    required: true
  settings:
    description: What the inventory says of the engine, as the engine's role names it without its prefix.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details: A store that does not run yet would get everything that is declared.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
"""

EXAMPLES = r"""
- name: Make queues and users
  nilecare.platform.store_declared:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    kubectl: "{{ cluster_state_directory }}/bin/kubectl"
    store: "{{ store_model.stores.rabbitmq }}"
"""

RETURN = r"""
changes:
  description: What was changed, or would be.
  type: list
  elements: str
  returned: always
  sample: [queue visits, user ehr-service]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import KubernetesError
from ansible_collections.nilecare.platform.plugins.module_utils.stores.declared import Target, bring_about


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "kubectl": {"type": "path", "default": "kubectl"},
            "store": {"type": "dict", "required": True},
            "settings": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        target = Target(params["kubeconfig"], params["kubectl"])
        changes = bring_about(target, params["store"], params["settings"], module.check_mode)
    except (KubernetesError, ValueError) as error:
        name = params["store"].get("name", "")
        module.fail_json(msg=f"what services declared of store {name} is not there: {error}")
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
