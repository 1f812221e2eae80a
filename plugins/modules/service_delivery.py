#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: service_delivery
short_description: A delivery that is under way, looked at, held, let go on, or taken back
description:
  - Acts on a delivery by blue-green or canary that M(nilecare.platform.service) began, whether or not its
    run is still at work. Its state lies in the cluster.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
extends_documentation_fragment: [nilecare.platform.service_modelled]
options:
  command:
    description:
      - V(status) only looks. V(pause) holds the step that it is at for as long as nothing else is said; a
        version that turns out bad is taken back all the same. V(resume) ends that.
      - V(promote) ends the step without waiting for its time or its verdict; where the old version is only
        kept, it is removed.
      - V(abort) gives all traffic back to the old version at once, also where it is only kept, and removes
        the new one.
    type: str
    choices: [status, pause, resume, promote, abort]
    default: status
attributes:
  check_mode:
    description: Says whether there is anything to do.
    support: full
  diff_mode:
    description: The state is returned, not compared.
    support: none
seealso:
  - module: nilecare.platform.service
"""

EXAMPLES = r"""
- name: Take the new version back
  nilecare.platform.service_delivery:
    kubeconfig: ~/.local/state/nilecare/nilecare/kubeconfig
    service: "{{ service_model.services[inventory_hostname] }}"
    command: abort
"""

RETURN = r"""
delivery:
  description:
    - The state, with its strategy, phase, versions, colours, the number of the step, the reason for which it
      was taken back, and steps with their figures. Empty when there never was a delivery.
  type: dict
  returned: success
command:
  description: What is wanted of the run that delivers; empty when nothing is.
  type: str
  returned: success
lines:
  description: The same for people.
  type: list
  elements: str
  returned: success
nilecare_report:
  description: A section of the run's report.
  type: dict
  returned: when a step was judged
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.commands import (
    ARGUMENTS,
    command_task,
)
from ansible_collections.nilecare.platform.plugins.module_utils.services.tasks import TaskError


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        values = command_task(module.params, module.check_mode)
    except TaskError as error:
        module.fail_json(msg=str(error), **error.values)
    module.exit_json(**values)


if __name__ == "__main__":
    main()
