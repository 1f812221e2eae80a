#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module route_answers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: route_answers
short_description: Ask the public routes through every address of the edge
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Sends GET requests over HTTPS to every route through every address, as a client outside does, and puts
    what was answered, and from which zones, into the report.
  - An answer counts when its status is below 500. An address that does not answer is a warning, as when its
    site is without power; a route that no address answers is a failure.
options:
  routes:
    description: The routes, each with C(host) and C(path) as the services declare them.
    type: list
    elements: dict
    required: true
  kubeconfig:
    description: Path of the kubeconfig. In check mode a cluster that is not there yet has no edge.
    type: path
    required: true
  namespace:
    description: Namespace of the edge, whose Services of type LoadBalancer have the addresses.
    type: str
    default: edge
  authority:
    description: Path of a PEM file with an authority that is trusted besides those of the system.
    type: path
  times:
    description: Requests for each route and address, sent at once. Which pod is met is chance.
    type: int
    default: 8
  timeout:
    description: Seconds that one request may take.
    type: int
    default: 10
  wait:
    description: Seconds in which routes that no address answers are asked again.
    type: int
    default: 60
attributes:
  check_mode:
    description: Only asks, once, and never fails for a missing answer.
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
- name: Ask every route from outside
  nilecare.platform.route_answers:
    routes: [{host: api.nilecare.sd, path: /ehr}]
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    authority: "{{ cluster_state_directory }}/ca/ca.crt"
  delegate_to: localhost
"""

RETURN = r"""
addresses:
  description: The edge's addresses, by name of the Service.
  returned: always
  type: dict
  sample: {"edge-khartoum": "10.77.1.200"}
zones:
  description: How many answers came from each zone, by URL.
  returned: always
  type: dict
  sample: {"https://api.nilecare.sd/ehr": {"bahri": 4, "khartoum": 3, "omdurman": 5}}
nilecare_report:
  description: The report's section Edge.
  returned: when there was something to ask
  type: dict
"""

import ssl
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.edge.answers import ask_all, silence
from ansible_collections.nilecare.platform.plugins.module_utils.edge.section import section
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import (
    ClusterUnreachable,
    KubernetesError,
)


def given_addresses(services: list[dict[str, Any]]) -> dict[str, str]:
    """The first address that each Service was given by a load balancer, by the Service's name."""
    points = {
        service["metadata"]["name"]: service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
        for service in services
        if service["spec"].get("type") == "LoadBalancer"
    }
    return {name: found[0]["ip"] for name, found in sorted(points.items()) if found and "ip" in found[0]}


def addresses_of(module: AnsibleModule) -> dict[str, str]:
    """The edge's addresses in the cluster."""
    path = module.params["kubeconfig"]
    if module.check_mode and not Path(path).exists():
        return {}
    try:
        with Client.from_kubeconfig(path, patience=2.0 if module.check_mode else 60.0) as client:
            return given_addresses(client.list("v1", "Service", namespace=module.params["namespace"]).items)
    except ClusterUnreachable as error:
        if not module.check_mode:
            module.fail_json(msg=str(error))
    except KubernetesError as error:
        module.fail_json(msg=str(error))
    return {}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "routes": {"type": "list", "elements": "dict", "required": True},
            "kubeconfig": {"type": "path", "required": True},
            "namespace": {"type": "str", "default": "edge"},
            "authority": {"type": "path"},
            "times": {"type": "int", "default": 8},
            "timeout": {"type": "int", "default": 10},
            "wait": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    asked = module.params
    urls = [f"https://{route['host']}{route['path']}" for route in asked["routes"]]
    addresses = addresses_of(module)
    context = ssl.create_default_context()
    if asked["authority"] and addresses:
        try:
            context.load_verify_locations(asked["authority"])
        except OSError as error:
            module.fail_json(msg=f"authority {asked['authority']} cannot be read: {error}")
    deadline = time.monotonic() + (0 if module.check_mode else asked["wait"])
    while True:
        routes = ask_all(urls, addresses, context, asked["times"], asked["timeout"])
        dead = [route for route in routes if route.dead]
        if not dead or time.monotonic() > deadline:
            break
        time.sleep(1)
    result: dict[str, Any] = {
        "addresses": addresses,
        "zones": {route.url: route.zones for route in routes},
    }
    if routes:
        result["nilecare_report"] = section(routes, addresses)
    if dead and not module.check_mode:
        module.fail_json(msg="; ".join(silence(route) for route in dead), **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
