# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs a module's own ``main`` in the calling process, with arguments, masks and result as of any module.

Packing a module and starting a Python for it takes 0.6 seconds of processor time. That is the price of a
remote machine; on the controller itself, where everything is imported already, it can be saved.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from ansible.module_utils.common.parameters import remove_values

from ..module_utils.quiet import QuietModule

Result = dict[str, Any]


class _EndedError(BaseException):
    """Where a module would end its process. No ``except Exception`` of a module may catch it."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


def call(main: Callable[[], None], namespace: dict[str, Any], arguments: Mapping[str, Any]) -> Result:
    """The result of a module.

    :param main: the module's function ``main``.
    :param namespace: the module's globals, in which ``main`` finds AnsibleModule or QuietModule.
    :param arguments: the task's arguments and Ansible's own (``_ansible_check_mode`` and so on). They go
        through JSON, as they would on their way to a machine.
    """

    class InProcess(QuietModule):
        """Module that takes its arguments from the caller and gives its result back."""

        def _load_params(self) -> None:
            self.params = json.loads(json.dumps(dict(arguments)))
            self.said: list[str] = []

        def warn(self, warning: str, **_more: Any) -> None:
            self.said.append(warning)

        def exit_json(self, **result: Any) -> NoReturn:
            self.do_cleanup_files()
            result.setdefault("changed", False)
            result.setdefault("invocation", {"module_args": self.params})
            if self.said:
                result["warnings"] = self.said
            raise _EndedError(remove_values(result, self.no_log_values))

        def fail_json(self, msg: str, **result: Any) -> NoReturn:
            result.pop("exception", None)
            self.exit_json(failed=True, msg=msg, **result)

    kept: dict[str, Any] = {
        name: namespace[name] for name in ("AnsibleModule", "QuietModule") if name in namespace
    }
    namespace.update(dict.fromkeys(kept, InProcess))
    try:
        main()
    except _EndedError as ended:
        return ended.result
    finally:
        namespace.update(kept)
    raise RuntimeError("the module ended without a result")
