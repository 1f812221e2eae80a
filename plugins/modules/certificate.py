#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: A certificate authority or a server certificate, as files on the controller
version_added: 0.1.0
description:
  - Issues a certificate with a new EC P-256 key when there is none, when it nears its end, when its names or
    its authority are others. Without O(authority_certificate) the certificate is that of an authority.
  - In check mode nothing is written; a certificate is still returned, so that later tasks can say what they
    would do.
author: NileCare platform team (@nilecare)
attributes:
  check_mode:
    description: Says what it would change, also where the effect of earlier tasks is missing.
    support: full
  diff_mode:
    description: Shows why a certificate is issued.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: posix
requirements:
  - cryptography
options:
  certificate_path:
    description: File of the certificate, PEM, mode 0644.
    type: path
    required: true
  private_key_path:
    description: File of the private key, PEM, mode 0600.
    type: path
    required: true
  common_name:
    description: The subject's common name.
    type: str
    required: true
  names:
    description: Host names and IP addresses that the certificate is good for.
    type: list
    elements: str
    default: []
  days:
    description: Validity in days; never longer than the authority's.
    type: int
    default: 365
  renew_days:
    description: A certificate with fewer days left is issued anew.
    type: int
    default: 30
  authority_certificate:
    description: File of the authority's certificate.
    type: path
  authority_private_key:
    description: File of the authority's private key.
    type: path
  domains:
    description:
      - With these the certificate is that of an authority below O(authority_certificate), which may sign for
        names within these domains and for nothing else.
    type: list
    elements: str
    default: []
  given_certificate:
    description: PEM of an existing authority that is used instead of an own one.
    type: str
    default: ''
  given_private_key:
    description: PEM of its private key.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Make the platform's authority
  nilecare.platform.certificate:
    certificate_path: ca/ca.crt
    private_key_path: ca/ca.key
    common_name: NileCare platform
    days: 3650

- name: Make an authority below it, for public names only
  nilecare.platform.certificate:
    certificate_path: edge/ca.crt
    private_key_path: edge/ca.key
    common_name: NileCare platform, edge
    domains: [nilecare.sd]
    days: 1825
    authority_certificate: ca/ca.crt
    authority_private_key: ca/ca.key
"""

RETURN = r"""
certificate:
  description: The certificate, PEM.
  returned: success
  type: str
private_key:
  description:
    - The private key, PEM; empty for an authority without one above it. Use C(no_log).
  returned: success
  type: str
reason:
  description: Why it was issued; empty when it was not.
  returned: success
  type: str
"""

import traceback
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.nilecare.platform.plugins.module_utils.machines import certificates
from ansible_collections.nilecare.platform.plugins.module_utils.machines.certificates import (
    CertificateError,
    Pair,
    Request,
)
from ansible_collections.nilecare.platform.plugins.module_utils.machines.files import (
    Wish,
    apply_wishes,
)
from ansible_collections.nilecare.platform.plugins.module_utils.machines.state import StateError


def read_pair(certificate: Path, private_key: Path) -> Pair | None:
    """Return the pair of two files, None when one of them is missing."""
    if not (certificate.exists() and private_key.exists()):
        return None
    return Pair(certificate.read_text(), private_key.read_text())


def find_issuer(certificate: str | None, private_key: str | None, check_mode: bool) -> Pair | None:
    """Return the authority, None for a certificate that signs itself.

    In check mode the authority may not exist yet; one that is never written stands in for it.
    """
    if certificate is None or private_key is None:
        return None
    issuer = read_pair(Path(certificate), Path(private_key))
    if issuer is None:
        if not check_mode:
            raise CertificateError(f"there is no authority at {certificate}; nothing was changed")
        return certificates.issue(Request("not written", authority=True), None, certificates.now())
    certificates.check_authority(issuer, certificates.now())
    return issuer


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "certificate_path": {"type": "path", "required": True},
            "private_key_path": {"type": "path", "required": True, "no_log": False},
            "common_name": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "default": []},
            "days": {"type": "int", "default": 365},
            "renew_days": {"type": "int", "default": 30},
            "authority_certificate": {"type": "path"},
            "authority_private_key": {"type": "path", "no_log": False},
            "domains": {"type": "list", "elements": "str", "default": []},
            "given_certificate": {"type": "str", "default": ""},
            "given_private_key": {"type": "str", "default": "", "no_log": True},
        },
        required_together=[("authority_certificate", "authority_private_key")],
        supports_check_mode=True,
    )
    if not certificates.HAS_CRYPTOGRAPHY:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=traceback.format_exc())
    params = module.params
    certificate_path, key_path = Path(params["certificate_path"]), Path(params["private_key_path"])
    is_authority = params["authority_certificate"] is None
    request = Request(
        params["common_name"],
        tuple(params["names"]),
        params["days"],
        params["renew_days"],
        is_authority or bool(params["domains"]),
        tuple(params["domains"]),
    )
    try:
        if bool(params["given_certificate"]) != bool(params["given_private_key"]):
            raise CertificateError("given_certificate and given_private_key: both or none must be given")
        present = read_pair(certificate_path, key_path)
        if params["given_certificate"]:
            pair = Pair(
                params["given_certificate"].strip() + "\n", params["given_private_key"].strip() + "\n"
            )
            certificates.check_authority(pair, certificates.now())
            reason = None if pair == present else "an authority is given by the inventory"
        else:
            issuer = find_issuer(
                params["authority_certificate"], params["authority_private_key"], module.check_mode
            )
            reason = certificates.why_renew(present, request, issuer, certificates.now())
            if reason and is_authority and certificate_path.exists():
                # Never replaced unasked: every machine of the cluster trusts it.
                raise CertificateError(
                    f"the authority at {certificate_path} cannot be used: {reason}; restore both files, or "
                    "remove them to make a new authority; nothing was changed"
                )
            if reason or present is None:
                pair = certificates.issue(request, issuer, certificates.now())
            else:
                pair = present
        # The key first: a killed run leaves a key without its certificate, which the next one sees.
        change = apply_wishes(
            [
                Wish(certificate_path.parent, "directory", mode=0o700),
                Wish(key_path, content=pair.private_key, mode=0o600, show_diff=False),
                Wish(certificate_path, content=pair.certificate, mode=0o644, show_diff=False),
            ],
            module.check_mode,
        )
    except (CertificateError, StateError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(change.lines),
        certificate=pair.certificate,
        private_key="" if is_authority else pair.private_key,
        reason=reason or "",
        diff={"before": "", "after": f"{certificate_path}: {reason}\n" if reason else ""},
    )


if __name__ == "__main__":
    main()
