# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The server's log of slow statements: said in the agent's own, since a server writes it to files only."""

from __future__ import annotations

import logging
from pathlib import Path

LOG = logging.getLogger(__name__)
LARGEST = 2**20
"""Bytes that the file may have; it lies in memory's reach, and the server appends to it."""


class SlowLog:
    """The file, and how far it was read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def say(self) -> None:
        """Say what is new, and empty a file that has become large."""
        try:
            size = self._path.stat().st_size
            if size < self._read:
                self._read = 0
            if size == self._read:
                return
            with self._path.open("r+b") as file:
                file.seek(self._read)
                text = file.read(LARGEST)
                self._read += len(text)
                if self._read >= LARGEST:
                    file.truncate(0)
                    self._read = 0
        except FileNotFoundError:
            return
        for line in statements(text.decode(errors="replace")):
            LOG.warning("slow: %s", line[:2000])


def statements(text: str) -> list[str]:
    """Lines of statements; a server begins its log with three lines of its own."""
    own = ("#", "SET timestamp=", "Tcp port:", "Time  ")
    return [
        line for line in text.splitlines() if line and not line.startswith(own) and ", Version: " not in line
    ]
