# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The member's volume. A server that finds it full waits for room and holds up the whole group meanwhile."""

from __future__ import annotations

import os


class Room:
    """What is left of a volume.

    :param share: of the volume that must be free; half as much again is wanted before it is enough again.
    """

    def __init__(self, path: str, share: float) -> None:
        self._path = path
        self._share = share
        self._was_short = False

    def short(self) -> bool:
        """Whether too little is left."""
        volume = os.statvfs(self._path)
        wanted = self._share * (1.5 if self._was_short else 1.0)
        self._was_short = volume.f_bavail < wanted * volume.f_blocks
        return self._was_short
