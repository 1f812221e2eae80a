"""promtool: on the PATH, or out of the bundle's cache."""

from __future__ import annotations

import shutil
from pathlib import Path

CACHE = Path.home() / ".cache" / "nilecare"


def find(name: str = "promtool") -> Path | None:
    """The program, or None where neither it nor a bundle with set monitoring is."""
    installed = shutil.which(name)
    if installed:
        return Path(installed)
    built = sorted(
        (CACHE / "items").glob(f"prometheus-debian-*/programs/{name}"), key=lambda path: path.stat().st_mtime
    )
    return built[-1] if built else None
