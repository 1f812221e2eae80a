# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules about images have in common: the bundle's programs, authorities and credentials."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Iterator

from ..quiet import QuietModule
from .tools import PipelineError, Tools, tools

ARGUMENTS: t.Mapping[str, dict[str, t.Any]] = {
    "tools": {"type": "path", "required": True},
    "authorities": {"type": "list", "elements": "path", "default": []},
    "credentials": {"type": "dict", "default": {}, "no_log": True},
}


class PipelineModule(QuietModule):
    """A module that asks registries; its arguments may hold credentials and are in no log."""

    def __init__(self, arguments: t.Mapping[str, dict[str, t.Any]]) -> None:
        super().__init__(argument_spec={**ARGUMENTS, **arguments}, supports_check_mode=True)

    @contextlib.contextmanager
    def tools(self) -> Iterator[Tools]:
        """The programs; an error of theirs ends the module."""
        given = self.params
        try:
            with tools(given["tools"], given["authorities"], given["credentials"]) as found:
                yield found
        except PipelineError as error:
            self.fail_json(msg=f"{error}. Nothing was changed.")
