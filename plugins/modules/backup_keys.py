#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module backup_keys."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: backup_keys
short_description: Keep the keys that backups are encrypted with
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Backups are encrypted to public keys of age and read with an identity. Where neither is given, a pair is
    made once and its identity kept in a 0600 file on the controller.
  - Without that file, and without a copy of it, the backups cannot be read by anybody.
options:
  path:
    description: File of the identity on the controller.
    type: path
    required: true
  recipients:
    description: Public keys. Where they are given, no pair is made.
    type: list
    elements: str
    default: []
  identity:
    description: The identity, from a vault. It is not written anywhere.
    type: str
    default: ''
  programs:
    description: Folder with C(age-keygen), that of the bundle.
    type: path
    required: true
attributes:
  check_mode:
    description: Says that it would make a pair, and returns a stand-in.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  platform:
    description: The platforms it runs on.
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Keep the keys of backups
  nilecare.platform.backup_keys:
    path: "{{ cluster_state_directory }}/secrets/backup.identity"
    programs: "{{ bundle_directory }}/bin"
  delegate_to: localhost
  run_once: true
  no_log: true
  register: etcd_backup_keys
"""

RETURN = r"""
recipients:
  description: Public keys that backups are encrypted to.
  returned: success
  type: list
  elements: str
identity:
  description: The identity, empty where it is kept elsewhere.
  returned: success
  type: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.backup import keys
from ansible_collections.nilecare.platform.plugins.module_utils.backup.errors import BackupError
from ansible_collections.nilecare.platform.plugins.module_utils.backup.programs import Programs


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "recipients": {"type": "list", "elements": "str", "default": []},
            # Not no_log: the result has to hold it. Tasks say no_log themselves.
            "identity": {"type": "str", "default": "", "no_log": False},
            "programs": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    asked = module.params
    try:
        found, changed = keys.keep(
            Programs(Path(asked["programs"])),
            Path(asked["path"]),
            tuple(asked["recipients"]),
            asked["identity"],
            module.check_mode,
        )
    except (BackupError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, recipients=list(found.recipients), identity=found.identity)


if __name__ == "__main__":
    main()
