#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: store_members
short_description: How the members of a data store or broker stand
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Reads where each member runs and whether it serves, asks the engine for each one's role and how far it is
    behind, and puts both into the report's section Stores.
  - A member that is not ready, an engine with nobody who writes, or an alarm is a failure, with all of it in
    one message.
options:
  kubeconfig:
    description: Path of the kubeconfig. In check mode a cluster that is not there yet has no stores.
    type: path
    required: true
  kubectl:
    description: Path of kubectl, by which the engine is asked.
    type: path
    default: kubectl
  store:
    description: The store, as M(nilecare.platform.store_model) returned it.
    type: dict
    required: true
  settings:
    description: The engine's settings.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Only asks, and never fails for a store that is not well.
    support: full
  diff_mode:
    description: Changes nothing, so that there is nothing to show.
    support: none
  platform:
    description: The platforms it runs on.
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Ask how PostgreSQL stands
  nilecare.platform.store_members:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    kubectl: "{{ cluster_state_directory }}/bin/kubectl"
    store: "{{ store_model.stores.postgresql }}"
"""

RETURN = r"""
members:
  description: The members, each with machine, site, ready, restarts, role, behind and fault.
  returned: when there is a cluster
  type: list
  elements: dict
nilecare_report:
  description: The report's section Stores.
  returned: when there is a cluster
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import (
    ClusterUnreachable,
    KubeconfigError,
    KubernetesError,
)
from ansible_collections.nilecare.platform.plugins.module_utils.stores.execute import in_members
from ansible_collections.nilecare.platform.plugins.module_utils.stores.members import Members, look, section
from ansible_collections.nilecare.platform.plugins.module_utils.stores.model import Store


def seen(module: AnsibleModule) -> Members | None:
    """How the store stands; nothing in check mode where there is no cluster yet."""
    params = module.params
    store = Store.from_dict(params["store"])
    execute = in_members(store, params["kubectl"], params["kubeconfig"])
    try:
        with Client.from_kubeconfig(
            params["kubeconfig"], patience=2.0 if module.check_mode else 60.0
        ) as client:
            return look(client, store, params["settings"], execute)
    except (ClusterUnreachable, KubeconfigError):
        if module.check_mode:
            return None
        raise


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "kubectl": {"type": "path", "default": "kubectl"},
            "store": {"type": "dict", "required": True},
            "settings": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        found = seen(module)
    except (KubernetesError, ValueError) as error:
        module.fail_json(msg=f"store {module.params['store'].get('name', '')} cannot be looked at: {error}")
    if found is None:
        module.exit_json(changed=False)
    members = [
        {
            "name": one.name,
            "machine": one.machine,
            "site": one.site,
            "ready": one.ready,
            "restarts": one.restarts,
            "role": one.standing.role,
            "behind": one.standing.behind,
            "fault": one.fault,
        }
        for one in found.members
    ]
    result = {"members": members, "nilecare_report": section(found)}
    if found.wrong and not module.check_mode:
        module.fail_json(msg=f"store {found.store.name} is not well: {'; '.join(found.wrong)}", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
