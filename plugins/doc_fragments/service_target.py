# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules that work on one deployed service have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """Options by which a deployed service is found."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description: Path of the kubeconfig file.
    type: path
    required: true
  name:
    description: Name of the service's Deployment, as in V(ehr-service).
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    required: true
attributes:
  platform:
    description: Runs on the controller.
    support: full
    platforms: posix
"""
