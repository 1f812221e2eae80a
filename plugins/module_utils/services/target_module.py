# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The frame of modules that work on one deployed service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .tasks import TARGET_ARGUMENTS, TaskError


def run(
    task: Callable[[dict[str, Any], bool], dict[str, Any]],
    difference: Callable[[dict[str, Any]], dict[str, str]] | None = None,
    **arguments: dict[str, Any],
) -> None:
    """Run a task as a module does.

    :param task: from the parameters, and whether nothing may be changed, to the return values.
    :param difference: the diff of the return values, when they say that something changed.
    :param arguments: beside those by which a service is found.
    """
    module = AnsibleModule(argument_spec={**TARGET_ARGUMENTS, **arguments}, supports_check_mode=True)
    try:
        values = task(module.params, module.check_mode)
    except TaskError as error:
        module.fail_json(msg=str(error), **error.values)
    if difference and module._diff and values["changed"]:
        values["diff"] = difference(values)
    module.exit_json(**values)
