#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module backup_verify."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: backup_verify
short_description: Restore a backup of etcd aside, start it and count its keys
version_added: 0.1.0
author: NileCare platform team (@nilecare)
extends_documentation_fragment: [nilecare.platform.backup_targets]
description:
  - Fetches a backup from each target, compares size and checksums with its record, decrypts it, restores it
    into a folder that is gone afterwards, starts an etcd of its own from it and counts the keys.
  - That etcd listens on sockets in the folder, on no port.
  - What was found is a section of the report. A backup that is wrong, missing or too old is a failure, once
    all targets were looked at.
options:
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
    default: newest
  most_hours:
    description: Hours that the newest backup may be old.
    type: float
    default: 13
  programs:
    description: Folder with age, rclone, etcd, etcdctl and etcdutl.
    type: path
    required: true
  scratch:
    description: Folder for the restored data while it is looked at.
    type: path
    required: true
attributes:
  check_mode:
    description: Changes nothing and does all the same, but for a target that cannot be reached.
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
- name: Verify the newest backup of etcd
  nilecare.platform.backup_verify:
    targets: "{{ backup_targets }}"
    cluster: "{{ cluster_name }}"
    identity: "{{ backup_identity }}"
    programs: "{{ bundle_directory }}/bin"
    scratch: "{{ cluster_state_directory }}/backup"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
verified:
  description: What was found, one entry a target.
  returned: always
  type: list
  elements: dict
nilecare_report:
  description: The report's section Backups.
  returned: always
  type: dict
"""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.backup import section, spec, take, verify
from ansible_collections.nilecare.platform.plugins.module_utils.backup.programs import Programs
from ansible_collections.nilecare.platform.plugins.module_utils.backup.record import UTC
from ansible_collections.nilecare.platform.plugins.module_utils.backup.scratch import scratch
from ansible_collections.nilecare.platform.plugins.module_utils.backup.store import Target


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "targets": spec.TARGETS,
            "cluster": {"type": "str", "required": True},
            "identity": {"type": "str", "required": True, "no_log": True},
            "backup": {"type": "str", "default": "newest"},
            "most_hours": {"type": "float", "default": 13},
            "programs": {"type": "path", "required": True},
            "scratch": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    asked = module.params
    programs = Programs(Path(asked["programs"]))
    verdicts = []
    for entry in asked["targets"]:
        if not entry["enabled"]:
            continue
        with scratch(Path(asked["scratch"])) as home:
            verdicts.append(
                verify.verify(
                    Target.of(entry),
                    programs,
                    home,
                    asked["cluster"],
                    take.KIND,
                    asked["identity"],
                    datetime.now(UTC),
                    asked["most_hours"],
                    asked["backup"],
                )
            )
    values = {
        "verified": [{**asdict(verdict), "good": verdict.good} for verdict in verdicts],
        "nilecare_report": section.verified(take.KIND, verdicts),
    }
    problems = [f"{verdict.target}: {problem}" for verdict in verdicts for problem in verdict.problems]
    if problems:
        module.fail_json(msg="; ".join(problems), **values)
    module.exit_json(changed=False, **values)


if __name__ == "__main__":
    main()
