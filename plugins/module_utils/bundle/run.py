# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module `bundle` and its action plugin share: arguments, and one call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .build import make, refresh_locks, trim
from .builders import Settings
from .location import CACHE, ENVIRONMENT, FILES
from .plan import Source, make_plan
from .progress import Say
from .recipe import SETS

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "default": "built", "choices": ["built", "locked"]},
    "source": {"type": "str", "default": "modules", "choices": ["modules", "upstream"]},
    "sets": {"type": "list", "elements": "str", "choices": list(SETS), "default": []},
    "directory": {"type": "path"},
    "files": {"type": "path"},
    "cache": {"type": "path", "default": "~/.cache/nilecare"},
    "debian_mirrors": {"type": "list", "elements": "str", "default": []},
    "bases": {"type": "dict", "default": {}},
    "trim": {"type": "list", "elements": "str", "default": [], "choices": ["items", "bundles", "go"]},
}


def run(arguments: Mapping[str, Any], check: bool, say: Say) -> dict[str, Any]:
    """Bring about the state that the arguments ask for; returns the module's result."""
    files = Path(arguments.get("files") or FILES).expanduser()
    cache = Path(arguments.get("cache") or CACHE).expanduser()
    source: Source = "upstream" if arguments.get("source") == "upstream" else "modules"
    settings = Settings(
        cache, tuple(arguments.get("debian_mirrors") or ()), dict(arguments.get("bases") or {})
    )
    if arguments.get("state") == "locked":
        changed = [str(path) for path in refresh_locks(files, source, settings, say, check)]
        return {"changed": bool(changed), "files": changed}
    plan = make_plan(files, source, arguments.get("sets") or ())
    named = arguments.get("directory") or os.environ.get(ENVIRONMENT)
    directory = Path(named).expanduser() if named else cache / "bundles" / plan.key
    result = make(plan, settings, directory, say, check)
    unwanted = list(arguments.get("trim") or [])
    everything = make_plan(files, source, SETS) if unwanted else plan
    removed = [] if check else trim(plan, everything, settings, unwanted)
    return {
        "changed": result.changed or bool(removed),
        "directory": str(directory),
        "key": plan.key,
        "built": result.built,
        "item_count": result.items,
        "removed": removed,
    }
