# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules that are given a service of the model have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """Options by which a service of the model is given."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description: Path of the kubeconfig file.
    type: path
    required: true
  service:
    description:
      - The service as M(nilecare.platform.service_model) returns it in
        RV(nilecare.platform.service_model#module:services).
    type: dict
    required: true
  secrets:
    description:
      - Values of the service's secret environment variables. They are in no return value and no diff.
    type: dict
    default: {}
attributes:
  platform:
    description: Runs on the controller.
    support: full
    platforms: posix
"""
