#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: service_smoke
short_description: Ask every pod of a service what its smoke tests ask
description:
  - Makes the requests of C(service_delivery_smoke) (its readiness, where there is none) to each pod of the
    service, through C(kubectl)'s port forwarding. Fails when one is answered otherwise, or when a pod has
    another version than the inventory says.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
extends_documentation_fragment: [nilecare.platform.service_modelled]
attributes:
  check_mode:
    description: Asks nobody.
    support: partial
    details: In check mode the version may not be there yet, so that there is nothing to try.
  diff_mode:
    description: Has nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: Try the version that serves
  nilecare.platform.service_smoke:
    kubeconfig: ~/.local/state/nilecare/staging/kubeconfig
    service: "{{ service_model.services[inventory_hostname] }}"
"""

RETURN = r"""
pods:
  description: Pods that answered.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.eyes import ClusterEyes
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import KubernetesError
from ansible_collections.nilecare.platform.plugins.module_utils.pipeline.serving import serving
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Service
from ansible_collections.nilecare.platform.plugins.module_utils.services.tasks import MODELLED_ARGUMENTS


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=MODELLED_ARGUMENTS, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=False, pods=[])
    service = Service.from_dict(module.params["service"])
    kubeconfig = module.params["kubeconfig"]
    try:
        with Client.from_kubeconfig(kubeconfig) as client:
            pods, problem = serving(client, service)
            failure = problem or ClusterEyes(client, kubeconfig, service).smoke(pods)
    except KubernetesError as error:
        module.fail_json(msg=f"{service.object_name} cannot be tried: {error}", pods=[])
    if failure:
        module.fail_json(msg=f"{service.object_name} {service.version}: {failure}", pods=pods)
    module.exit_json(changed=False, pods=pods)


if __name__ == "__main__":
    main()
