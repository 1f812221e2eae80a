# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs an engine's own tools inside its members, as kubectl does it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

from .model import Store

Execute = Callable[[str, Sequence[str], str], str]
"""Takes a member, a command and its input, and returns what the command wrote. Secrets go through the input:
a command is seen in lists of processes."""
SECONDS = 120


def in_members(store: Store, kubectl: str, kubeconfig: str) -> Execute:
    """Run commands in the members' container that bears the engine's name."""

    def execute(member: str, command: Sequence[str], text: str) -> str:
        target = ["--namespace", store.namespace, "exec", member, "--container", store.engine]
        target += ["--stdin"] if text else []
        try:
            done = subprocess.run(
                [kubectl, "--kubeconfig", kubeconfig, *target, "--", *command],
                input=text,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ValueError(f"{command[0]} in {member}: {error}") from None
        if done.returncode:
            lines = (done.stderr.strip() or done.stdout.strip()).splitlines()[-5:]
            raise ValueError(f"{command[0]} in {member} ended with {done.returncode}: {' '.join(lines)}")
        return done.stdout

    return execute
