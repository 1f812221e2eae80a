#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module etcd_backup."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: etcd_backup
short_description: Take a backup of etcd now
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Saves a snapshot of the member on this machine, encrypts it to public keys and brings it to every target,
    with a record of what it holds. The timer of role etcd_backup does the same.
  - A member that has no majority behind it is refused, for its data may be old.
options:
  settings:
    description: File with the settings, which role etcd_backup writes.
    type: path
    default: /etc/nilecare/backup/etcd.json
attributes:
  check_mode:
    description: Says that it would take a backup.
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
- name: Take a backup of etcd
  nilecare.platform.etcd_backup:
"""

RETURN = r"""
backups:
  description: The record of each backup, one a target.
  returned: success, without check mode
  type: list
  elements: dict
nilecare_report:
  description: The report's section Backups.
  returned: success, without check mode
  type: dict
"""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.backup import section, take
from ansible_collections.nilecare.platform.plugins.module_utils.backup.errors import BackupError
from ansible_collections.nilecare.platform.plugins.module_utils.backup.record import UTC


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"settings": {"type": "path", "default": str(take.SETTINGS)}},
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        settings = take.Settings.read(Path(module.params["settings"]))
        records = take.take(settings, datetime.now(UTC))
    except BackupError as error:
        module.fail_json(msg=f"No backup of etcd was taken: {error}")
    module.exit_json(
        changed=True,
        backups=[asdict(one) for one in records],
        nilecare_report=section.taken(take.KIND, records, [target.name for target in settings.targets]),
    )


if __name__ == "__main__":
    main()
