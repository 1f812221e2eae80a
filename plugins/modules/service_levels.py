#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: service_levels
short_description: Read what the services answer from the cluster's Prometheus
description:
  - Reads, by service, requests a second, the share of errors, p50, p95 and p99 of the last 5 minutes, what
    is left of the error budget of 99.99 % over 30 days, and the alerts that fire.
  - Never fails for what it reads, nor for a Prometheus or a cluster that is not there; it says so.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
options:
  kubeconfig:
    description: Path of the kubeconfig file. C(kubectl) is taken from C(bin) beside it, or from the PATH.
    type: path
    required: true
  wanted:
    description: Whether there should be a Prometheus. With V(false) nobody is asked.
    type: bool
    default: true
  namespace:
    description: Namespace of Prometheus.
    type: str
    default: monitoring
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Changes nothing, so that there is nothing to show.
    support: none
  platform:
    description: The platforms it runs on.
    support: full
    platforms: posix
seealso:
  - module: nilecare.platform.health
"""

EXAMPLES = r"""
- name: Read what the services answer
  nilecare.platform.service_levels:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
  register: said
  delegate_to: localhost
  run_once: true

- name: Refuse to go on while something is on fire
  ansible.builtin.assert:
    that: said.alerts | selectattr('severity', 'eq', 'critical') | length == 0
"""

RETURN = r"""
known:
  description: Whether Prometheus answered.
  returned: always
  type: bool
levels:
  description:
    - By service C(namespace), C(service), C(requests) (a second), C(errors) (share), C(p50), C(p95), C(p99)
      (seconds), C(budget) (share that is left; below 0, overdrawn). What has no figure is null.
  returned: always
  type: list
  elements: dict
alerts:
  description: Alerts that fire, with C(name), C(severity), C(summary) and C(runbook); critical ones first.
  returned: always
  type: list
  elements: dict
nilecare_report:
  description: The section for the report.
  returned: when somebody was asked
  type: dict
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import KubernetesError
from ansible_collections.nilecare.platform.plugins.module_utils.monitoring import show
from ansible_collections.nilecare.platform.plugins.module_utils.monitoring.ask import Found, ask


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "wanted": {"type": "bool", "default": True},
            "namespace": {"type": "str", "default": "monitoring"},
        },
        supports_check_mode=True,
    )
    if not module.params["wanted"]:
        module.exit_json(changed=False, known=False, levels=[], alerts=[])
    path = module.params["kubeconfig"]
    try:
        with Client.from_kubeconfig(path, patience=2.0) as client:
            found = ask(client, path, module.params["namespace"])
    except KubernetesError as error:
        found = Found(False, str(error))
    module.exit_json(
        changed=False,
        known=found.there and not found.problem,
        levels=[asdict(level) for level in found.levels],
        alerts=[asdict(alert) for alert in found.alerts],
        nilecare_report=show.said(found, wanted=True),
    )


if __name__ == "__main__":
    main()
