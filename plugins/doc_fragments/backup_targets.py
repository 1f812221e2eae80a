# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where backups go, as modules for backups take it; its argument spec is module_utils/backup/spec.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Option ``targets``."""

    DOCUMENTATION = r"""
options:
  targets:
    description: Entries of C(backup_targets). Those that are not enabled are left out.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the target.
        type: str
        required: true
      site:
        description: Where it is, for people.
        type: str
        default: ''
      country:
        description: Country that it is in. Preflight judges it.
        type: str
        default: ''
      endpoint:
        description: Address of the S3 interface.
        type: str
        required: true
      bucket:
        description: The bucket.
        type: str
        required: true
      region:
        description: Region that requests are signed for.
        type: str
        default: us-east-1
      access_key:
        description: Name of the key.
        type: str
        required: true
      secret_key:
        description: The key.
        type: str
        required: true
      authority:
        description: PEM of the authority that the endpoint's certificate comes from; empty for the system's.
        type: str
        default: ''
      enabled:
        description: Whether backups go there.
        type: bool
        default: true
      residency_approval:
        description: Who allowed it to be abroad. Preflight judges it.
        type: str
        default: ''
"""
