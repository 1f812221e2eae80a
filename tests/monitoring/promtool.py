"""promtool: on the PATH, or out of the bundle's cache."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

CACHE = Path.home() / ".cache" / "nilecare"


def find(name: str = "promtool") -> Path:
    """The program; a test fails where neither it nor a bundle with set monitoring is."""
    installed = shutil.which(name)
    if installed:
        return Path(installed)
    built = sorted(
        (CACHE / "items").glob(f"prometheus-debian-*/programs/{name}"), key=lambda path: path.stat().st_mtime
    )
    if not built:
        pytest.fail(f"{name} is neither installed nor built: NILECARE_BUNDLE_SETS=monitoring")
    return built[-1]
