#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module etcd_restore."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: etcd_restore
short_description: Make the data of an etcd member anew from a snapshot
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - For each member of a cluster that is restored, all from the same snapshot, while etcd is held
    (M(nilecare.platform.static_pods)). The old data stay beside the new ones.
  - Revisions are skipped and those before marked as compacted, so that whoever watched the cluster reads
    anew.
  - A run that was killed is taken up by the next one.
options:
  snapshot:
    description: The snapshot on this machine, decrypted.
    type: path
    required: true
  sha256:
    description: SHA-256 of the snapshot in hexadecimal digits.
    type: str
    required: true
  name:
    description: Name of the member on this machine.
    type: str
    required: true
  members:
    description: Addresses of all members by their names.
    type: dict
    required: true
  data:
    description: The data directory.
    type: path
    default: /var/lib/etcd
  programs:
    description: Folder with C(etcdutl).
    type: path
    default: /usr/local/bin
attributes:
  check_mode:
    description: Says that it would make the data anew.
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
- name: Make the data anew
  nilecare.platform.etcd_restore:
    snapshot: /var/lib/nilecare/restore/20261128T210000Z-khartoum-1.db
    sha256: "{{ fetched.backup.plain_sha256 }}"
    name: khartoum-1
    members: {khartoum-1: 10.20.1.11, omdurman-1: 10.20.2.11, bahri-1: 10.20.3.11}
"""

RETURN = r"""
old:
  description: Where the old data are; empty where nothing was to do.
  returned: success
  type: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.backup import restore
from ansible_collections.nilecare.platform.plugins.module_utils.backup.errors import BackupError
from ansible_collections.nilecare.platform.plugins.module_utils.backup.programs import Programs
from ansible_collections.nilecare.platform.plugins.module_utils.backup.static_pods import Places

PEER_PORT = 2380


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "snapshot": {"type": "path", "required": True},
            "sha256": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "members": {"type": "dict", "required": True},
            "data": {"type": "path", "default": "/var/lib/etcd"},
            "programs": {"type": "path", "default": "/usr/local/bin"},
        },
        supports_check_mode=True,
    )
    asked = module.params
    wish = restore.Wish(
        snapshot=Path(asked["snapshot"]),
        sha256=asked["sha256"],
        data=Path(asked["data"]),
        name=asked["name"],
        peers={name: f"https://{address}:{PEER_PORT}" for name, address in asked["members"].items()},
    )
    try:
        old = restore.restore(wish, Programs(Path(asked["programs"])), Places(), module.check_mode)
    except (BackupError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(old), old=old)


if __name__ == "__main__":
    main()
