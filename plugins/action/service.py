# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module service within Ansible's own process, which saves the start of a Python for each service.

Whatever is imported here is loaded once, before Ansible forks its workers.
"""

from __future__ import annotations

import functools
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.nilecare.platform.plugins.module_utils.services.tasks import (
    SERVICE_ARGUMENTS,
    TaskError,
    service_task,
)


def _say(host: str, text: str) -> None:
    """A line for whoever watches; a delivery in steps may take hours."""
    Display().display(f"{host}: {text}")


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, params = self.validate_argument_spec(argument_spec=SERVICE_ARGUMENTS)
        if self._connection.transport != "local" or self._task.become:
            result.update(self._execute_module("nilecare.platform.service", task_vars=task_vars))
            return result
        try:
            say = functools.partial(_say, str((task_vars or {}).get("inventory_hostname", "")))
            result.update(service_task(params, self._task.check_mode, self._task.diff, say))
        except TaskError as error:
            result.update(error.values, failed=True, msg=str(error))
        return result
