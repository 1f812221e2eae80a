#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: store_model
short_description: All stores of the inventory, read and checked together
description:
  - Reads every host of the group C(stores) with its variables, whatever the run is limited to, and what the
    services declare of them. All errors are reported at once, each with host and variable; the task then
    fails and nothing was changed.
  - Types and defaults come from the roles C(store) and C(namespaces).
  - Runs on the controller, within Ansible's own process.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
options:
  group:
    description: Group whose hosts are stores.
    type: str
    default: stores
  authority:
    description: Path of the certificate of the platform's authority.
    type: path
    required: true
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
- name: Check all stores
  nilecare.platform.store_model:
    authority: "{{ cluster_state_directory }}/ca/ca.crt"
  register: store_model
  run_once: true
"""

RETURN = r"""
stores:
  description:
    - The stores by inventory host, complete, each fit for the lookup P(nilecare.platform.store#lookup).
  type: dict
  returned: success
objects:
  description: Objects that all stores share, for M(nilecare.platform.apply).
  type: list
  elements: dict
  returned: success
volumes:
  description: Volumes by machine, for the role C(storage).
  type: dict
  returned: success
errors:
  description: The errors.
  type: list
  elements: str
  returned: failure
"""
