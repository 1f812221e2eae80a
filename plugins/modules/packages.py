#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Install Debian packages in one call
version_added: 0.1.0
description:
  - Installs what is missing or older than wished, with apt-get, without recommended packages.
  - Reads dpkg's own state, so it needs no Python binding and can say in check mode what it would install
    on a machine that has no package source yet.
  - Finishes what an interrupted dpkg has left.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would change, also where the effect of earlier tasks is missing.
    support: full
  diff_mode:
    description: Shows the packages before and after.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: debian
options:
  names:
    description: Packages, as V(name) or V(name=version). A newer installed version is left alone.
    type: list
    elements: str
    required: true
  files:
    description:
      - Package files on the machine that hold O(names) and what they depend on. Only these are used, no
        package source; for the machine that is to become the source.
    type: list
    elements: path
    default: []
  lock_timeout:
    description: Seconds to wait for another package manager to finish.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Install packages
  nilecare.platform.packages:
    names: [chrony, haproxy=2.6.12-1+deb12u2]
"""

RETURN = r"""
installed:
  description: Packages that were, or in check mode would be, installed.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.machines import packages
from ansible_collections.nilecare.platform.plugins.module_utils.machines.state import Machine, StateError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=packages.SPEC, supports_check_mode=True)
    try:
        change = packages.ensure(Machine(module.run_command, module.check_mode), **module.params)
    except StateError as error:
        module.fail_json(msg=str(error), log=error.log)
    module.exit_json(changed=bool(change.lines), installed=change.lines, diff=change.diffs)


if __name__ == "__main__":
    main()
