#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module backup_fetch."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: backup_fetch
short_description: Bring a backup of etcd to the controller and decrypt it
version_added: 0.1.0
author: NileCare platform team (@nilecare)
extends_documentation_fragment: [nilecare.platform.backup_targets]
description:
  - Finds a backup by name or the newest one, compares it with its record and decrypts it into a folder that
    only its owner reads. The identity leaves the controller for nowhere.
options:
  target:
    description: Name of the target to take it from; by default the first one that is enabled.
    type: str
    default: ''
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  identity:
    description: Identity of age that the backups can be read with.
    type: str
    required: true
  backup:
    description: Name of the backup, or V(newest).
    type: str
    required: true
  programs:
    description: Folder with age and rclone.
    type: path
    required: true
  directory:
    description: Folder for the snapshot.
    type: path
    required: true
attributes:
  check_mode:
    description: Finds the backup and does not fetch it.
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
- name: Bring the newest backup
  nilecare.platform.backup_fetch:
    targets: "{{ backup_targets }}"
    cluster: "{{ cluster_name }}"
    identity: "{{ backup_identity }}"
    backup: newest
    programs: "{{ bundle_directory }}/bin"
    directory: "{{ cluster_state_directory }}/restore"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
backup:
  description: Its record.
  returned: success
  type: dict
path:
  description: The snapshot on the controller.
  returned: success
  type: str
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.backup import found, sealing, spec, take
from ansible_collections.nilecare.platform.plugins.module_utils.backup.errors import BackupError
from ansible_collections.nilecare.platform.plugins.module_utils.backup.programs import Programs
from ansible_collections.nilecare.platform.plugins.module_utils.backup.record import prefix
from ansible_collections.nilecare.platform.plugins.module_utils.backup.scratch import scratch
from ansible_collections.nilecare.platform.plugins.module_utils.backup.store import Store, Target


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "targets": spec.TARGETS,
            "target": {"type": "str", "default": ""},
            "cluster": {"type": "str", "required": True},
            "identity": {"type": "str", "required": True, "no_log": True},
            "backup": {"type": "str", "required": True},
            "programs": {"type": "path", "required": True},
            "directory": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    asked = module.params
    enabled = {entry["name"]: entry for entry in asked["targets"] if entry["enabled"]}
    name = asked["target"] or next(iter(enabled), "")
    if name not in enabled:
        module.fail_json(
            msg=f"there is no target {name!r} that is enabled in backup_targets; "
            f"known are {', '.join(enabled) or 'none'}"
        )
    programs = Programs(Path(asked["programs"]))
    directory = Path(asked["directory"])
    below = prefix(asked["cluster"], take.KIND)
    changed = False
    try:
        with scratch(directory) as home:
            store = Store(Target.of(enabled[name]), programs, home)
            one = found.find(store, below, asked["backup"])
            path = directory / f"{one.name}.db"
            if not path.exists() or sealing.sha256_of(path) != one.plain_sha256:
                changed = True
                if not module.check_mode:
                    found.bring(store, below, one, asked["identity"], programs, home).rename(path)
    except (BackupError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, backup=asdict(one), path=str(path))


if __name__ == "__main__":
    main()
