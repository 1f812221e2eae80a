#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: trust_store
short_description: Make a machine trust a certificate authority
version_added: 0.1.0
description:
  - Puts a certificate into Debian's local trust store and rebuilds the store when it does not hold it.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would change, also where the effect of earlier tasks is missing.
    support: full
  diff_mode:
    description: Shows the certificate before and after.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: debian
options:
  name:
    description: Name of the authority, part of a file name.
    type: str
    required: true
  certificate:
    description: The authority's certificate, PEM. May be empty in check mode, where it may not exist yet.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Trust the platform's authority
  nilecare.platform.trust_store:
    name: nilecare
    certificate: "{{ lookup('ansible.builtin.file', 'ca.crt') }}"
"""

RETURN = r"""
path:
  description: The certificate's file on the machine.
  returned: success
  type: str
  sample: /usr/local/share/ca-certificates/nilecare.crt
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.machines.files import (
    FilesError,
    Wish,
    apply_wishes,
)

STORE = Path("/etc/ssl/certs/ca-certificates.crt")


def body(pem: str) -> str:
    """Return a PEM text without blanks, for comparison."""
    return "".join(pem.split())


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "certificate": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C"}
    certificate: str = module.params["certificate"].strip() + "\n"
    if "BEGIN CERTIFICATE" not in certificate and not module.check_mode:
        module.fail_json(msg="certificate: a certificate in PEM form was expected; nothing was changed")
    path = Path(f"/usr/local/share/ca-certificates/{module.params['name']}.crt")
    try:
        files = apply_wishes([Wish(path, content=certificate, mode=0o644)], module.check_mode)
    except FilesError as error:
        module.fail_json(msg=str(error))
    trusted = STORE.exists() and body(certificate) in body(STORE.read_text())
    changed = bool(files.changed_paths) or not trusted
    if changed and not module.check_mode:
        code, _output, error = module.run_command(["update-ca-certificates"])
        if code != 0:
            module.fail_json(msg=f"update-ca-certificates failed: {error.strip()}; {path} was written")
    module.exit_json(changed=changed, path=str(path), diff=files.diffs)


if __name__ == "__main__":
    main()
