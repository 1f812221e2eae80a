# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module route_answers within Ansible's own process, where it runs on the controller."""

from __future__ import annotations

from ansible_collections.nilecare.platform.plugins.modules import route_answers
from ansible_collections.nilecare.platform.plugins.plugin_utils.controller_module import ControllerModule


class ActionModule(ControllerModule):
    module = route_answers
