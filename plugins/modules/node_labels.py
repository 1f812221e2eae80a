#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module node_labels."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_labels
short_description: Set labels and taints of nodes, and mend them when they drift
version_added: 0.1.0
description:
  - Sets the labels and taints of all nodes in one call, from one list of the Nodes. Labels are applied
    by server-side apply under a field manager of their own, so a label that leaves the inventory leaves
    the Node.
  - Labels and taints of others (kubelet, controllers, operators) are left alone.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would change, also where there is no cluster yet.
    support: full
  diff_mode:
    description: Shows each label and taint that changes.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: posix
options:
  kubeconfig:
    description: Path of the kubeconfig file.
    type: path
    required: true
  nodes:
    description: The nodes and what they are to have.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the node.
        type: str
        required: true
      labels:
        description: Labels and their values.
        type: dict
        default: {}
      taints:
        description: Taints with C(key), C(effect) and perhaps C(value).
        type: list
        elements: dict
        default: []
requirements:
  - PyYAML
"""

EXAMPLES = r"""
- name: Label the nodes
  nilecare.platform.node_labels:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    nodes:
      - name: khartoum-2
        labels:
          topology.kubernetes.io/zone: khartoum
        taints:
          - key: nilecare.sd/storage
            effect: NoSchedule
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
changes:
  description: What was changed, by node.
  returned: success
  type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import placement
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import (
    ApiError,
    ClusterUnreachable,
    KubeconfigError,
    KubernetesError,
)


def bring_about(
    client: Client, wished: dict[str, Any], node: dict[str, Any], change: placement.Change
) -> None:
    """Changes taints first and labels after them, with which the taints are remembered as ours."""
    taints = change.taints
    for last in (False, False, True):
        if taints is None:
            break
        try:
            client.patch("v1", "Node", wished["name"], None, placement.taints_body(node, taints))
            break
        except ApiError as error:
            # A controller has changed the Node meanwhile: reckon with the newest.
            if error.status != 409 or last:
                raise
            node = client.get("v1", "Node", wished["name"]) or node
            taints = placement.difference(wished, node).taints
    if change.labels:
        client.apply(placement.apply_body(wished), manager=placement.MANAGER, force=True)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "nodes": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "labels": {"type": "dict", "default": {}},
                    "taints": {"type": "list", "elements": "dict", "default": []},
                },
            },
        },
        supports_check_mode=True,
    )
    wished = {node["name"]: node for node in module.params["nodes"]}
    try:
        patience = 2.0 if module.check_mode else 60.0
        with Client.from_kubeconfig(module.params["kubeconfig"], patience=patience) as client:
            nodes = {node["metadata"]["name"]: node for node in client.list("v1", "Node").items}
            missing = sorted(set(wished) - set(nodes))
            if missing and not module.check_mode:
                module.fail_json(
                    msg=f"Not in the cluster: {', '.join(missing)}. No label and no taint was changed."
                )
            changes = [
                placement.difference(each, nodes[name]) for name, each in wished.items() if name in nodes
            ]
            said = {change.name: list(change.said) for change in changes if change.needed}
            if not module.check_mode:
                needed = [change for change in changes if change.needed]
                client.map(lambda c: bring_about(client, wished[c.name], nodes[c.name], c), needed)
    except (KubeconfigError, ClusterUnreachable) as error:
        if not module.check_mode:
            module.fail_json(msg=f"Nodes cannot be labelled: {error}")
        missing, said = sorted(wished), {}
    except KubernetesError as error:
        module.fail_json(msg=f"Nodes cannot be labelled: {error}")
    said |= {name: ["label a node that is not there yet"] for name in missing}
    text = "".join(f"{name}: {line}\n" for name, lines in sorted(said.items()) for line in lines)
    module.exit_json(changed=bool(said), changes=said, diff={"before": "", "after": text})


if __name__ == "__main__":
    main()
