#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: service_history
short_description: Versions of a service that were deployed
description:
  - Lists the versions that the cluster still holds for going back to, newest first.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
extends_documentation_fragment: [nilecare.platform.service_target]
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Has nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: Read the history
  nilecare.platform.service_history:
    kubeconfig: ~/.local/state/nilecare/nilecare/kubeconfig
    name: ehr-service
    namespace: clinical
  register: history
"""

RETURN = r"""
revisions:
  description: The versions, newest first.
  type: list
  elements: dict
  returned: always
  contains:
    revision:
      description: Number, for O(nilecare.platform.service_rollback#module:revision).
      type: int
    version:
      description: Tag of the image.
      type: str
    image:
      description: Image with its tag.
      type: str
    configuration:
      description: Names of the ConfigMap and Secret that its pods read.
      type: list
      elements: str
    created:
      description: When it first came (UTC).
      type: str
    pods:
      description: Number of its pods.
      type: int
    available:
      description: Number of its pods that serve.
      type: int
    current:
      description: Whether it is the wanted one.
      type: bool
    failed:
      description: Why it did not come up; empty when it did.
      type: str
lines:
  description: The same, a line for each version.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.nilecare.platform.plugins.module_utils.services.target_module import run
from ansible_collections.nilecare.platform.plugins.module_utils.services.tasks import history_task


def main() -> None:
    run(lambda params, check: history_task(params))


if __name__ == "__main__":
    main()
