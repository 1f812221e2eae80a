# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs of this host, run from several threads at once and without a module at hand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"


class ProgramError(OSError):
    """A program failed; the text is what it said."""


def path() -> str:
    """Return the folders to look for programs in: this process's own and the system's."""
    return f"{os.environ.get('PATH', '/usr/bin:/bin')}:{SYSTEM_FOLDERS}"


def run(
    *command: str,
    stdin: bytes = b"",
    timeout: float | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, whatever its exit code.

    :param timeout: seconds
    :param variables: added to the environment, which speaks plain English
    :raises OSError: when there is no such program
    :raises subprocess.TimeoutExpired: when it takes too long
    """
    environment = {**os.environ, "PATH": path(), "LC_ALL": "C.UTF-8", **(variables or {})}
    # AnsibleModule.run_command belongs to a module and changes state of the whole process.
    return subprocess.run(  # pylint: disable=ansible-bad-function
        command, input=stdin, capture_output=True, timeout=timeout, check=False, env=environment
    )


def output(*command: str) -> str:
    """Run a program and return what it printed. Raises ProgramError when it fails."""
    result = run(*command)
    if result.returncode:
        said = result.stderr.decode(errors="replace").strip()
        raise ProgramError(f"{command[0]} failed with exit code {result.returncode}: {said}")
    return result.stdout.decode(errors="replace")
