#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: health
short_description: Judge the health of the cluster and its machines
version_added: 0.1.0
description:
  - Judges what M(nilecare.platform.health_machine) read on every machine, reads the cluster's nodes,
    workloads and versions, and makes real connections between pods in every pair of sites, real lookups
    in the cluster's DNS, and connections that a network policy must stop. Asks the cluster's Prometheus
    for alerts and for what services answer.
  - The pods run in a namespace C(nilecare-health-<run>), which exists only meanwhile.
  - Fails when something is not healthy, and lists all of it with what was expected. What is down is
    reported; nothing waits longer than the timeouts.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Everything is judged but the pod network, for which pods would have to be made.
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
  machines:
    description:
      - What M(nilecare.platform.health_machine) returned, by host. An unreachable host has C(unreachable).
    type: dict
    required: true
  nodes:
    description: Names of the nodes that belong to the cluster, each with its site.
    type: dict
    required: true
  control_planes:
    description: Names of the control planes, each of which is an etcd member.
    type: list
    elements: str
    required: true
  version:
    description: Kubernetes' version that is expected, without v. Any, when not given.
    type: str
    default: ''
  cluster:
    description: Name of the cluster, for the report.
    type: str
    default: ''
  cluster_domain:
    description: DNS domain of the cluster.
    type: str
    default: cluster.local
  certificate_days:
    description: Days that every certificate must be valid at least.
    type: int
    default: 30
  time_offset:
    description: Seconds that a clock may be off at most.
    type: float
    default: 1.0
  time_server:
    description:
      - Address of the time server, which the controller asks, to compare its clock with its own. Not
        asked, when not given.
    type: str
    default: ''
  namespaces:
    description: Namespaces whose Deployments and DaemonSets must be ready.
    type: list
    elements: str
    default: [kube-system]
  probe_image:
    description: Image of the probe pods, agnhost.
    type: str
    required: true
  probe_timeout:
    description: Seconds for all probes together.
    type: int
    default: 90
  api_timeout:
    description: Seconds that one question to the API server may take, with new attempts.
    type: int
    default: 15
  monitoring:
    description:
      - Whether the cluster is to have a Prometheus. One that is there is always asked for alerts and for what
        services answer; one that is not there is never a fault, and only pointed out where this is V(true).
    type: bool
    default: false
  monitoring_namespace:
    description: Namespace of Prometheus.
    type: str
    default: monitoring
  path:
    description: File for the judgement as JSON. Not written, when not given.
    type: path
requirements:
  - PyYAML
"""

EXAMPLES = r"""
- name: Judge the cluster's health
  nilecare.platform.health:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    machines: "{{ health_observations }}"
    nodes: {khartoum-1: khartoum, omdurman-1: omdurman, bahri-1: bahri}
    control_planes: [khartoum-1, omdurman-1, bahri-1]
    probe_image: registry.k8s.io/e2e-test-images/agnhost:2.63.0
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
healthy:
  description: Whether every check passed.
  returned: always
  type: bool
checks:
  description: Every check, with C(area), C(subject), C(ok), C(found) and C(expected).
  returned: always
  type: list
  elements: dict
nilecare_report:
  description: The sections for the report, about health and about service levels.
  returned: always
  type: list
  elements: dict
"""

import json

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.health import judge


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "machines": {"type": "dict", "required": True},
            "nodes": {"type": "dict", "required": True},
            "control_planes": {"type": "list", "elements": "str", "required": True},
            "version": {"type": "str", "default": ""},
            "cluster": {"type": "str", "default": ""},
            "cluster_domain": {"type": "str", "default": "cluster.local"},
            "certificate_days": {"type": "int", "default": 30},
            "time_offset": {"type": "float", "default": 1.0},
            "time_server": {"type": "str", "default": ""},
            "namespaces": {"type": "list", "elements": "str", "default": ["kube-system"]},
            "probe_image": {"type": "str", "required": True},
            "probe_timeout": {"type": "int", "default": 90},
            "api_timeout": {"type": "int", "default": 15},
            "monitoring": {"type": "bool", "default": False},
            "monitoring_namespace": {"type": "str", "default": "monitoring"},
            "path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    judgement = judge.judge(module.params, probe=not module.check_mode)
    if module.params["path"] and not module.check_mode:
        content = json.dumps(judgement.document, indent=1, ensure_ascii=False) + "\n"
        try:
            judge.write(module.params["path"], content)
        except OSError as error:
            module.warn(f"The judgement was not written to {module.params['path']}: {error}")
    result = {
        "changed": False,
        "healthy": judgement.healthy,
        "checks": judgement.document["checks"],
        "nilecare_report": judgement.sections,
    }
    if judgement.healthy:
        module.exit_json(**result)
    module.fail_json(msg=judgement.message, **result)


if __name__ == "__main__":
    main()
