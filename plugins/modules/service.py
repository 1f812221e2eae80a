#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: service
short_description: One service of the platform, running and updated without a lost request
description:
  - Renders a service (Deployment, Service, ServiceAccount, ConfigMap, Secret, PodDisruptionBudget,
    NetworkPolicy, autoscaler) and makes it true, as an ApplySet of its own.
  - Stays until the wanted version alone serves. Its image cannot be pulled, its pods crash, are refused,
    cannot be scheduled or are not ready within the service's deadline, then everything is put back as it
    was and the task fails with the reason. The earlier version serves all the time, because one of its pods
    is taken away only after a new one serves.
  - Services whose strategy is C(blue_green) or C(canary) run in two colours beside each other; the new one is
    tested, gets its traffic at once or in steps, is judged by Prometheus, and is taken back when it is not
    good. A delivery whose run was killed is taken up by the next one. Smoke tests and questions to Prometheus
    go through C(kubectl port-forward), with the C(kubectl) in C(bin) beside the kubeconfig, or on the PATH.
  - Configuration and secrets have names that change with their content, and those of earlier versions are
    kept as long as one can go back to them.
  - Runs within Ansible's own process where the connection is local, which saves the start of a Python for
    each service.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
extends_documentation_fragment: [nilecare.platform.service_modelled]
options:
  force:
    description: Take fields over that another manager has changed, instead of reporting the conflict.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says what would change and changes nothing, also before there is a cluster.
    support: full
  diff_mode:
    description: Shows each object that changes, with the values of Secrets hidden.
    support: full
seealso:
  - module: nilecare.platform.service_model
  - module: nilecare.platform.service_history
  - module: nilecare.platform.service_rollback
"""

EXAMPLES = r"""
- name: Deploy the service
  nilecare.platform.service:
    kubeconfig: ~/.local/state/nilecare/nilecare/kubeconfig
    service: "{{ service_model.services[inventory_hostname] }}"
    secrets: "{{ service_secrets }}"
"""

RETURN = r"""
created:
  description: Objects that were created, as in C(Deployment clinical/ehr-service).
  type: list
  elements: str
  returned: always
updated:
  description: Objects that were changed.
  type: list
  elements: str
  returned: always
pruned:
  description: Objects that belonged to the service and do no longer.
  type: list
  elements: str
  returned: always
unchanged:
  description: Number of objects that were as wanted.
  type: int
  returned: always
revision:
  description: Number of the version that serves; 0 in check mode.
  type: int
  returned: always
image:
  description: Image that serves, with its tag.
  type: str
  returned: always
pods:
  description: Number of pods that serve.
  type: int
  returned: always
restored:
  description: Whether the new version failed and the earlier one was put back.
  type: bool
  returned: always
seconds:
  description: Seconds from the first look until the version served alone.
  type: float
  returned: always
delivery:
  description:
    - How far a delivery by blue-green or canary came, as in
      RV(nilecare.platform.service_delivery#module:delivery).
  type: dict
  returned: not in check mode, when the service is not delivered by rolling
nilecare_report:
  description: A row of the run's report, or the section of a delivery in steps.
  type: dict
  returned: not in check mode
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.services.tasks import (
    SERVICE_ARGUMENTS,
    TaskError,
    service_task,
)


def main() -> None:
    module = AnsibleModule(argument_spec=SERVICE_ARGUMENTS, supports_check_mode=True)
    try:
        values = service_task(module.params, module.check_mode, module._diff)
    except TaskError as error:
        module.fail_json(msg=str(error), **error.values)
    for warning in values.pop("warnings"):
        module.warn(warning)
    module.exit_json(**values)


if __name__ == "__main__":
    main()
