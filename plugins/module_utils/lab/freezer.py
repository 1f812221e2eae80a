# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Frozen processes of a machine, which no signal ends.

runc freezes a container for a moment while it makes it. A machine that loses its power in that moment leaves
processes that cgroup v1 keeps from dying, and the machine never ends. cgroup v2 lets them die.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/sys/fs/cgroup/freezer")


def thaw(container: str, root: Path = ROOT) -> list[Path]:
    """Thaw what is frozen in a container and below it.

    :param container: podman's identifier, 64 hexadecimal digits.
    :returns: the groups that were frozen.
    """
    if not container:
        return []
    found = []
    for mark in sorted(root.glob(f"*/libpod-{container}*/**/freezer.self_freezing")):
        try:
            if mark.read_text().strip() == "1":
                (mark.parent / "freezer.state").write_text("THAWED")
                found.append(mark.parent)
        except FileNotFoundError:
            continue  # The group has gone meanwhile.
    return found
