# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The bundle's programs for backups: run with a time limit, with secrets that no command line shows."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from .errors import BackupError

PATIENCE = 3600.0
"""Seconds that one call may take; a large snapshot over a slow line is the longest."""


class Programs:
    """age, rclone, etcdctl, etcdutl and etcd, below one folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, name: str) -> str:
        """Where a program is."""
        found = self.directory / name
        if not found.is_file():
            raise BackupError(f"{found} is not there: make the bundle with bundle_sets: [backup]")
        return str(found)

    def run(
        self,
        name: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        given: bytes | None = None,
        patience: float = PATIENCE,
    ) -> bytes:
        """Run a program to its end and return what it printed."""
        try:
            done = subprocess.run(
                [self.path(name), *arguments],
                env=surroundings(environment),
                input=given,
                stdin=subprocess.DEVNULL if given is None else None,
                capture_output=True,
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BackupError(f"{name} {arguments[0]} gave no answer in {patience:.0f} s") from error
        if done.returncode:
            raise BackupError(f"{name} {arguments[0]} failed: {last_words(done.stderr)}")
        return done.stdout


def surroundings(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a program: nothing of ours but the path, and what it is given."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", **(more or {})}


@contextlib.contextmanager
def secret_file(content: str) -> Iterator[int]:
    """A descriptor that a child reads a secret from, by /dev/fd/<number>. It is never on a disk."""
    reading, writing = os.pipe()
    try:
        # A pipe takes 64 KiB without a reader; identities are 75 bytes each.
        os.write(writing, content.encode())
        os.close(writing)
        writing = -1
        yield reading
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)


def last_words(errors: bytes) -> str:
    """What a program said last."""
    lines = [line.strip() for line in errors.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:500] if lines else "it said nothing"
