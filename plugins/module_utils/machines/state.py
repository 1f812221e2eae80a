# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What all parts of a machine's state share: running programs, saying what changed, failing.

A part is a function `ensure(machine, …) -> Change`. It brings the part into its wished state or, in
check mode, says what it would change, also where the effect of an earlier part is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

# Programs speak English here, whatever the machine's language: their answers are parsed.
ENVIRONMENT = {
    "LC_ALL": "C",
    "SYSTEMD_COLORS": "0",
    "SYSTEMD_PAGER": "",
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "NEEDRESTART_MODE": "l",
}


class StateError(Exception):
    """The state could not be reached; the text says what failed, log holds a program's last lines."""

    def __init__(self, text: str, log: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.log = list(log)


@dataclass
class Change:
    """What was, or in check mode would be, changed: lines for people, differences for --diff."""

    lines: list[str] = field(default_factory=list)
    diffs: list[dict[str, str]] = field(default_factory=list)

    def add(self, *lines: str) -> None:
        """Add changes that no difference shows yet."""
        self.lines += lines
        if lines:
            self.diffs.append({"before": "", "after": "".join(f"{line}\n" for line in lines)})


@dataclass(frozen=True)
class Answer:
    """How a program ended and what it wrote."""

    code: int
    output: str
    error: str


@dataclass(frozen=True)
class Machine:
    """The machine a module runs on.

    run_command: AnsibleModule's, or its like in tests.
    """

    run_command: Callable[..., tuple[int, str, str]]
    check_mode: bool

    def run(self, *command: str) -> Answer:
        """Run a program and return its answer; a program that is not there answers with 127."""
        try:
            return Answer(
                *self.run_command(list(command), environ_update=ENVIRONMENT, handle_exceptions=False)
            )
        except OSError as error:
            return Answer(127, "", f"{command[0]}: {error.strerror}")
