# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module store_declared within Ansible's own process, which has all engines at hand."""

from __future__ import annotations

from ansible_collections.nilecare.platform.plugins.modules import store_declared
from ansible_collections.nilecare.platform.plugins.plugin_utils.controller_module import ControllerModule


class ActionModule(ControllerModule):
    module = store_declared
