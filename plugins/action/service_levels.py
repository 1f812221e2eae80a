# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module service_levels within Ansible's own process, where it runs on the controller."""

from __future__ import annotations

from ansible_collections.nilecare.platform.plugins.modules import service_levels
from ansible_collections.nilecare.platform.plugins.plugin_utils.controller_module import ControllerModule


class ActionModule(ControllerModule):
    module = service_levels
