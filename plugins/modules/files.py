#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: files
short_description: Bring many files, directories and links of a machine into a wished state
version_added: 0.1.0
description:
  - Writes all the configuration of a role in one task. Each file is written beside its place and renamed.
  - Parent directories are made where they are missing.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would change, also where the effect of earlier tasks is missing.
    support: full
  diff_mode:
    description: Shows a difference for each path, except for those with O(files[].show_diff=false).
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: posix
options:
  files:
    description: The paths and their states, fulfilled in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path on the machine.
        type: str
        required: true
      state:
        description: What shall be there. V(absent) removes a file, a link or an empty directory.
        type: str
        choices: [file, directory, link, absent]
        default: file
      content:
        description: The whole text of the file, or of our block in it. Needed for O(files[].state=file).
        type: str
      block:
        description:
          - The content is only a block between two marker lines; all other lines of the file are left alone.
        type: bool
        default: false
      target:
        description: Where the link points. Needed for O(files[].state=link).
        type: str
      mode:
        description:
          - Octal mode, quoted. Without it an existing mode stays, a new file gets 0644, a new directory 0755.
        type: str
      owner:
        description: Name of the owner. Without it the owner stays.
        type: str
      group:
        description: Name of the group. Without it the group stays.
        type: str
      show_diff:
        description: Set to false for content that must not be seen, in differences or elsewhere.
        type: bool
        default: true
"""

EXAMPLES = r"""
- name: Write the configuration
  nilecare.platform.files:
    files:
      - path: /etc/hosts
        block: true
        content: "10.77.0.10 mirror.nilecare.internal"
      - path: /etc/localtime
        state: link
        target: /usr/share/zoneinfo/Africa/Khartoum
      - path: /etc/crictl.yaml
        mode: '0644'
        content: "{{ lookup('ansible.builtin.template', 'crictl.yaml.j2') }}"
"""

RETURN = r"""
changed_paths:
  description: The paths that were, or in check mode would be, changed.
  returned: success
  type: list
  elements: str
  sample: [/etc/hosts]
"""

from ansible_collections.nilecare.platform.plugins.module_utils.machines import files
from ansible_collections.nilecare.platform.plugins.module_utils.machines.state import StateError
from ansible_collections.nilecare.platform.plugins.module_utils.quiet import QuietModule


def main() -> None:
    """Run the module."""
    module = QuietModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True, "options": files.SPEC}
        },
        supports_check_mode=True,
    )
    module.no_log_values.update(files.secret_contents(module.params["files"]))
    try:
        change = files.ensure(module.params["files"], module.check_mode)
    except StateError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(change.lines), changed_paths=change.lines, diff=change.diffs)


if __name__ == "__main__":
    main()
