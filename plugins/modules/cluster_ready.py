#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module cluster_ready."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_ready
short_description: Wait until all nodes and the cluster's own pods are ready
version_added: 0.1.0
description:
  - Waits until every named node is Ready and has the wished version, and every pod of the namespaces is
    ready. Pods on other nodes, such as those of a machine that is away, are not waited for.
  - When the time is over the error names each node and pod, and why it is not ready.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Looks once. A cluster that is not there yet is no error.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
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
    description: Names of the nodes that must be Ready.
    type: list
    elements: str
    required: true
  version:
    description: Version that their kubelets must have, without v. Any, when not given.
    type: str
    default: ''
  namespaces:
    description: Namespaces whose pods must be ready.
    type: list
    elements: str
    default: [kube-system]
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 300
requirements:
  - PyYAML
"""

EXAMPLES = r"""
- name: Verify the cluster
  nilecare.platform.cluster_ready:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    nodes: [khartoum-1, omdurman-1, bahri-1]
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
versions:
  description: The kubelets' versions, by node.
  returned: success
  type: dict
pods:
  description: How many pods are ready in the namespaces.
  returned: success
  type: int
not_ready:
  description: What is not ready, and why; only in check mode.
  returned: success
  type: list
  elements: str
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import readiness
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import (
    ClusterUnreachable,
    KubeconfigError,
    KubernetesError,
)


def concerns(pod: dict, nodes: list[str]) -> bool:
    """Whether a pod is on one of the nodes, or on none yet."""
    return pod["spec"].get("nodeName") in (None, *nodes)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "nodes": {"type": "list", "elements": "str", "required": True},
            "version": {"type": "str", "default": ""},
            "namespaces": {"type": "list", "elements": "str", "default": ["kube-system"]},
            "wait_timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    asked = module.params
    end = time.monotonic() + asked["wait_timeout"]
    versions, pods, wrong = {}, 0, ["the cluster is not there yet"]
    try:
        patience = 2.0 if module.check_mode else 60.0
        with Client.from_kubeconfig(asked["kubeconfig"], patience=patience) as client:
            while True:
                nodes = client.list("v1", "Node").items
                found = [pod for name in asked["namespaces"] for pod in client.list("v1", "Pod", name).items]
                wrong = readiness.nodes_not_ready(nodes, asked["nodes"], asked["version"])
                wrong += readiness.pods_not_ready(pod for pod in found if concerns(pod, asked["nodes"]))
                versions = {n["metadata"]["name"]: n["status"]["nodeInfo"]["kubeletVersion"] for n in nodes}
                pods = len(found)
                if not wrong or module.check_mode or time.monotonic() >= end:
                    break
                time.sleep(1)
    except (KubeconfigError, ClusterUnreachable) as error:
        if not module.check_mode:
            module.fail_json(msg=f"The cluster cannot be looked at: {error}")
    except KubernetesError as error:
        module.fail_json(msg=f"The cluster cannot be looked at: {error}")
    if wrong and not module.check_mode:
        module.fail_json(
            msg=f"After {asked['wait_timeout']} s not ready:\n" + "\n".join(wrong), not_ready=wrong
        )
    module.exit_json(changed=False, versions=versions, pods=pods, not_ready=wrong)


if __name__ == "__main__":
    main()
