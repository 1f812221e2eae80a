#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mirror_files
short_description: Install files of the bundle from the mirror
version_added: 0.1.0
description:
  - Compares each file by its SHA-256 and fetches only those that differ, several side by side. An interrupted
    download is resumed. A file reaches its place only after its hash was verified.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would change, also where the effect of earlier tasks is missing.
    support: full
  diff_mode:
    description: Shows the files that are replaced.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: posix
options:
  url:
    description: The mirror's file server, such as V(https://mirror.nilecare.internal:8443).
    type: str
    required: true
  ca_path:
    description: File on the machine with the authority that the mirror's certificate must come from.
    type: path
  items:
    description: Entries of the bundle's manifest; path and sha256 are used.
    type: list
    elements: dict
    required: true
  directories:
    description: For each folder of the bundle the folder on the machine.
    type: dict
    required: true
  mode:
    description: Octal mode of the files.
    type: str
    default: '0755'
  parallel:
    description: How many files are fetched at once.
    type: int
    default: 4
  timeout:
    description: Seconds without any data after which a connection is given up and resumed.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Install binaries
  nilecare.platform.mirror_files:
    url: https://mirror.nilecare.internal:8443
    ca_path: /etc/nilecare/ca.crt
    items: "{{ query('nilecare.platform.bundle_item', 'containerd', 'runc') }}"
    directories:
      bin: /usr/local/bin
"""

RETURN = r"""
changed_paths:
  description: Files that were, or in check mode would be, replaced.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.machines import downloads
from ansible_collections.nilecare.platform.plugins.module_utils.machines.state import StateError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=downloads.SPEC, supports_check_mode=True)
    try:
        change = downloads.ensure(module.params, module.check_mode)
    except StateError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(change.lines), changed_paths=change.lines, diff=change.diffs)


if __name__ == "__main__":
    main()
