# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of a module that mostly runs on the controller: there in process, elsewhere as any module."""

from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

from .in_process import call


class ControllerModule(ActionBase):  # type: ignore[misc]
    """Runs the module of the same name. Imported once, before Ansible forks its workers."""

    module: ClassVar[ModuleType]
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        name = "nilecare.platform." + self.module.__name__.rpartition(".")[2]
        if self._connection.transport != "local" or self._connection.become:
            result.update(self._execute_module(name, task_vars=task_vars))
            return result
        own = {
            "_ansible_check_mode": bool(self._task.check_mode),
            "_ansible_diff": bool(self._task.diff),
            "_ansible_no_log": bool(self._task.no_log),
            "_ansible_module_name": name,
        }
        result.update(call(self.module.main, vars(self.module), {**self._task.args, **own}))
        return result
