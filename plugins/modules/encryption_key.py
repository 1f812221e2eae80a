#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Module encryption_key."""

from __future__ import annotations

DOCUMENTATION = r"""
module: encryption_key
short_description: Keep the key with which secrets are encrypted in etcd
version_added: 0.1.0
description:
  - Makes 32 random bytes once and keeps them, base64, in a 0600 file on the controller.
  - A lost file is never replaced where a cluster exists, since the API servers could not read their secrets
    any more.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says that it would make a key, and returns a stand-in.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  platform:
    description: The platforms it runs on.
    support: full
    platforms: posix
options:
  path:
    description: File that keeps the key.
    type: path
    required: true
  key:
    description: The key to use instead, for instance from a vault. No file is kept then.
    type: str
    default: ''
  create:
    description: Whether a missing file is made. Set to false where a cluster exists.
    type: bool
    default: true
  restore_from:
    description: Where the key can be found if it was lost, for the error.
    type: str
    default: /etc/kubernetes/nilecare/encryption.yaml on a control plane
"""

EXAMPLES = r"""
- name: Keep the encryption key
  nilecare.platform.encryption_key:
    path: "{{ cluster_state_directory }}/secrets/encryption.key"
  delegate_to: localhost
  run_once: true
  no_log: true
  register: control_plane_key
"""

RETURN = r"""
key:
  description: The key, base64.
  returned: success
  type: str
"""

import base64
import os
import secrets
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

SIZE = 32
"""Bytes of a secretbox key (XSalsa20)."""


def check(key: str) -> str:
    """What is wrong with ``key``, '' where nothing is."""
    try:
        size = len(base64.b64decode(key, validate=True))
    except ValueError:
        return "it is not base64"
    return "" if size == SIZE else f"it has {size} bytes, not {SIZE}"


def create_file(path: Path) -> str:
    """Makes the key's file, whole or not at all, and returns the key."""
    key = base64.b64encode(secrets.token_bytes(SIZE)).decode()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    return key


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "key": {"type": "str", "default": "", "no_log": False},
            "create": {"type": "bool", "default": True},
            "restore_from": {
                "type": "str",
                "default": "/etc/kubernetes/nilecare/encryption.yaml on a control plane",
            },
        },
        supports_check_mode=True,
    )
    asked = module.params
    path = Path(asked["path"])
    key, changed, where = asked["key"], False, "control_plane_encryption_key"
    if not key:
        where = str(path)
        if path.exists():
            key = path.read_text().strip()
            if path.stat().st_mode & 0o077:
                changed = True
                if not module.check_mode:
                    path.chmod(0o600)
        elif not asked["create"]:
            module.fail_json(
                msg=f"The encryption key {path} is lost, and the cluster's secrets are encrypted with it. "
                f"Put it back: it stands in {asked['restore_from']}. Nothing was changed."
            )
        else:
            changed = True
            key = base64.b64encode(bytes(SIZE)).decode() if module.check_mode else create_file(path)
    wrong = check(key)
    if wrong:
        module.fail_json(msg=f"The encryption key in {where} cannot be used: {wrong}. Nothing was changed.")
    module.exit_json(changed=changed, key=key)


if __name__ == "__main__":
    main()
