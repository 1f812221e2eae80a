# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the timer of each control plane runs: ``python3 -m backup.scheduled [SETTINGS]``.

All control planes have the timer, at different minutes. Whoever comes first takes the backup, the others see
in the store that there is one. So nobody has to be chosen, and one that is away is missed by nobody.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from . import take
from .errors import BackupError
from .record import UTC


def main(arguments: list[str]) -> int:
    """Take a backup where one is due, and say so."""
    try:
        settings = take.Settings.read(Path(arguments[0]) if arguments else take.SETTINGS)
        now = datetime.now(UTC)
        targets = take.needed(settings, now)
        if not targets:
            print("another control plane has just taken one")
            return 0
        for one in take.take(settings, now, targets):
            print(f"{one.name}: revision {one.revision}, {one.keys} keys, {one.size} bytes")
    except BackupError as error:
        print(f"no backup was taken: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
