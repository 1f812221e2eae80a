#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Make the SSH key pair of a lab."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_key
short_description: Make the SSH key pair of a lab
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Makes an Ed25519 key pair without a passphrase, with its directory, where there is none.
  - P(community.crypto.openssh_keypair#module) does the same, but cannot say so in check mode while the
    directory is missing.
attributes:
  check_mode:
    description: Says what would change and changes nothing.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
  platform:
    description: Runs on the host that carries the lab.
    support: full
    platforms: posix
options:
  path:
    description: File of the private key. Its directories are made with mode 0700.
    type: path
    required: true
  comment:
    description: Comment of a new key.
    type: str
    default: nilecare lab
"""

EXAMPLES = r"""
- name: Make the key that opens the lab's machines
  nilecare.platform.lab_key:
    path: ~/.local/state/nilecare/lab/ssh/id_ed25519
"""

RETURN = r"""
public_key:
  description: The public key. Empty in check mode when there is none yet.
  type: str
  returned: success
"""

import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.lab.process import output


def main() -> None:
    """Make the key pair, where it is missing."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True, "no_log": False},
            "comment": {"type": "str", "default": "nilecare lab"},
        },
        supports_check_mode=True,
    )
    private = Path(module.params["path"])
    public = private.with_name(f"{private.name}.pub")
    changed = not private.exists()
    try:
        if changed and not module.check_mode:
            make(private, module.params["comment"])
        if private.exists():
            text = output("ssh-keygen", "-y", "-P", "", "-f", str(private)).strip()
            if not module.check_mode and not public.exists():
                public.write_text(f"{text}\n")
        else:
            text = ""
    except OSError as error:
        module.fail_json(msg=f"The key {private} cannot be made or read: {error}")
    module.exit_json(changed=changed, public_key=text)


def make(private: Path, comment: str) -> None:
    """Make a key pair; the private key appears last and whole."""
    for directory in [*reversed(private.parent.parents), private.parent]:
        if not directory.exists():
            directory.mkdir(mode=0o700)
    with tempfile.TemporaryDirectory(dir=private.parent) as name:
        made = Path(name, "key")
        output("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(made))
        made.with_name("key.pub").replace(private.with_name(f"{private.name}.pub"))
        made.replace(private)


if __name__ == "__main__":
    main()
