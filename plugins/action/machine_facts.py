# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's half of module machine_facts: clock offset, and faults of the connection as facts."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.machines import clock_is_doubtful

ATTEMPTS = 3
"""A slow answer may leave open whether a clock is wrong: then the question is put again."""


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        expected = self._task.args.get("expected") or {}
        limit = float(expected.get("clock", 5))
        try:
            for _attempt in range(ATTEMPTS):
                sent = time.time()
                answer = self._execute_module(
                    module_name="nilecare.platform.machine_facts", task_vars=task_vars, wrap_async=False
                )
                received = time.time()
                if answer.get("failed"):
                    return self._fault(result, answer, expected)
                clock = answer["ansible_facts"]["preflight_machine"]["clock"]
                bounds = {"low": clock["ended"] - received, "high": clock["started"] - sent}
                answer["ansible_facts"]["preflight_machine"]["clock"] = bounds
                if not clock_is_doubtful(bounds, limit):
                    break
        except AnsibleConnectionFailure as error:
            return self._facts(result, {"reachable": False, "error": _line(str(error)), "expected": expected})
        except AnsibleError as error:
            return self._fault(result, {"msg": str(error)}, expected)
        result.update(answer)
        return result

    def _fault(self, result: dict[str, Any], answer: dict[str, Any], expected: Any) -> dict[str, Any]:
        text = _line(
            "\n".join(str(answer.get(key) or "") for key in ("msg", "module_stderr", "module_stdout"))
        )
        fault = "become" if "sudo" in text.lower() or "become" in text.lower() else "python"
        return self._facts(result, {"reachable": True, "error": text, "fault": fault, "expected": expected})

    @staticmethod
    def _facts(result: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        result.update(changed=False, ansible_facts={"preflight_machine": facts})
        return result


def _line(text: str) -> str:
    """A message on one line, without Ansible's preamble, not longer than a reader likes."""
    line = " ".join(text.split())
    for preamble in ("over ssh: ", "via ssh: "):
        line = line.rpartition(preamble)[2]
    return line[:300]
