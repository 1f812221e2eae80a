#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Judge the inventory, the bundle and all machines before anything is changed
description:
  - Holds the whole inventory, the bundle and what M(nilecare.platform.machine_facts) measured on the
    hosts of the play against what is expected, and fails once, with every fault that was found.
  - Runs on the controller. It needs no connection and changes nothing.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  kubernetes_version:
    description: The version of Kubernetes that is wanted, without C(v).
    type: str
    required: true
  pod_network:
    description: IPv4 network of the pods in CIDR notation.
    type: str
    required: true
  service_network:
    description: IPv4 network of the services in CIDR notation.
    type: str
    required: true
  node_prefix:
    description: Length in bits of the prefix of a node's share of the pod network.
    type: int
    required: true
  max_nodes:
    description: Most nodes the cluster may ever have.
    type: int
    required: true
  allow_missing:
    description: Names of hosts that may be unreachable.
    type: list
    elements: str
    default: []
  state_directory:
    description: The controller's state directory. C(kubeconfig) in it says which cluster is ours.
    type: path
    required: true
  bundle_directory:
    description: The bundle to check. Without it no bundle is checked.
    type: path
  bundle_items:
    description: Names of items of optional sets that the bundle must have, with the set of each.
    type: dict
    default: {}
  bundle_sets:
    description: Optional sets that the bundle is asked to have.
    type: list
    elements: str
    default: []
  backup_targets:
    description:
      - Where backups go, C(name), C(country), C(endpoint), C(bucket), C(enabled) and C(residency_approval)
        of each, and of C(access_key) and C(secret_key) any text where there is one.
    type: list
    elements: raw
    default: []
  backup_recipients:
    description: Public keys that backups are encrypted to.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Can run in check mode and return what it would return otherwise.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is ever changed.
  action:
    description: Runs on the controller as an action plugin.
    support: full
  platform:
    description: Systems it runs on.
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Judge the inventory, the bundle and the machines
  nilecare.platform.preflight:
    cluster_name: "{{ cluster_name }}"
    kubernetes_version: "{{ kubernetes_version }}"
    pod_network: "{{ cluster_pod_network }}"
    service_network: "{{ cluster_service_network }}"
    node_prefix: "{{ cluster_node_prefix }}"
    max_nodes: "{{ cluster_max_nodes }}"
    state_directory: "{{ cluster_state_directory }}"
  run_once: true
"""

RETURN = r"""
findings:
  description: Every fault, with C(host), C(key), C(message), C(expected) and C(file). Empty on success.
  returned: always
  type: list
  elements: dict
  sample:
    - host: omdurman-2
      key: ansible_host
      message: 10.20.1.12 lies outside the network of its site
      expected: an address in 10.20.2.0/24 (site_omdurman)
      file: inventories/production/hosts.yml:31
nilecare_report:
  description: The section of the report, see docs/report.md.
  returned: always
  type: dict
nilecare_missing_hosts:
  description: The hosts of RV(missing) and why they are missing, for the report.
  returned: always
  type: dict
missing:
  description: Unreachable hosts that the inventory allows to be missing; the run goes on without them.
  returned: always
  type: list
  elements: str
"""

# This module is documentation only: plugins/action/preflight.py does the work, on the controller.
