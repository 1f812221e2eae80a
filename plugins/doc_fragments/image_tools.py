# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that the modules about images share."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  tools:
    description: Folder with C(crane), C(cosign) and C(trivy), the bundle's C(bin).
    type: path
    required: true
  authorities:
    description: PEM files of the authorities that the registries' certificates are checked by.
    type: list
    elements: path
    default: []
  credentials:
    description: By registry (host and port), a mapping of C(user) and C(password).
    type: dict
    default: {}
attributes:
  platform:
    description: Runs where the bundle is, on the controller.
    support: full
    platforms: posix
"""
