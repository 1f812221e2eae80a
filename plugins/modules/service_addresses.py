#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses of the Services of a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_addresses
short_description: Read the addresses of the Services of a cluster
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Reads the cluster address of every Service, and the outside addresses of those of type LoadBalancer.
options:
  kubeconfig:
    description: Path of the kubeconfig. In check mode a cluster that is not there yet has no Services.
    type: path
    required: true
attributes:
  check_mode:
    description: Reads only, so that it does the same in check mode.
    support: full
  diff_mode:
    description: Changes nothing, so that there is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Find the addresses of the services
  nilecare.platform.service_addresses:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
  register: found
"""

RETURN = r"""
addresses:
  description: Cluster address by namespace and name of the Service. Headless Services are left out.
  returned: success
  type: dict
  sample: {"clinical/ehr-service": "10.96.14.7"}
outside:
  description: Addresses that a load balancer gave, by namespace and name of the Service.
  returned: success
  type: dict
  sample: {"edge/edge-bahri": ["10.77.3.200"]}
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import (
    ClusterUnreachable,
    KubernetesError,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"kubeconfig": {"type": "path", "required": True}}, supports_check_mode=True
    )
    path = module.params["kubeconfig"]
    if module.check_mode and not Path(path).exists():
        module.exit_json(changed=False, addresses={}, outside={})
    try:
        with Client.from_kubeconfig(path, patience=2.0 if module.check_mode else 60.0) as client:
            services = client.list("v1", "Service").items
    except ClusterUnreachable as error:
        if not module.check_mode:
            module.fail_json(msg=str(error))
        services = []
    except KubernetesError as error:
        module.fail_json(msg=str(error))
    addresses = {}
    outside = {}
    for service in services:
        key = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
        address = service["spec"].get("clusterIP", "")
        if address and address != "None":
            addresses[key] = address
        points = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        if points:
            outside[key] = [point["ip"] for point in points if "ip" in point]
    module.exit_json(changed=False, addresses=addresses, outside=outside)


if __name__ == "__main__":
    main()
