#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: service_model
short_description: All services of the inventory, read and checked together
description:
  - Reads every host of the group C(services) with its variables, whatever the run is limited to, and checks
    the whole before anything is applied. All errors are reported at once, each with host and variable; the
    task then fails and nothing was changed. What works but not as far as its numbers promise is a warning.
  - Types, choices and defaults come from the roles C(service) and C(namespaces).
  - Runs on the controller, within Ansible's own process.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
options:
  group:
    description: Group whose hosts are services.
    type: str
    default: services
  kubeconfig:
    description: Path of a kubeconfig file. When it is there, quotas are compared with what the nodes have.
    type: path
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Has nothing to compare.
    support: none
  platform:
    description: Runs on the controller.
    support: full
    platforms: posix
  action:
    description: Is an action plugin.
    support: full
"""

EXAMPLES = r"""
- name: Check all services
  nilecare.platform.service_model:
  register: service_model
  run_once: true
"""

RETURN = r"""
services:
  description:
    - The services by inventory host, complete, without the values of secrets; each is fit for
      O(nilecare.platform.service#module:service).
  type: dict
  returned: success
namespaces:
  description:
    - The namespaces by name, with quota (thousandths of a core, bytes, pods), callers and level of
      security.
  type: dict
  returned: success
objects:
  description: Objects of all namespaces, for M(nilecare.platform.apply).
  type: list
  elements: dict
  returned: success
findings:
  description: The warnings.
  type: list
  elements: str
  returned: always
errors:
  description: The errors.
  type: list
  elements: str
  returned: failure
"""
