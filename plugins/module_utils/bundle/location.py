# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the bundle lies that today's recipes make, without making it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from .files import write_atomically
from .plan import FORMAT, Source, make_plan

ENVIRONMENT = "NILECARE_BUNDLE"
CACHE = Path("~/.cache/nilecare")
#: this collection's own recipes
FILES = Path(__file__).parents[3] / "roles/bundle/files"


def bundle_key(files: Path, source: Source, cache: Path, sets: Collection[str] = ()) -> str:
    """The bundle's key. It is remembered until a file of the recipes changes, because tasks ask often."""
    facts = [str(FORMAT), source, str(files), *sorted(sets)]
    programs = [files.parents[2] / folder for folder in ("tests/reference_service", "roles/mysql/files")]
    watched = [files, Path(__file__).parent, *programs]
    for path in sorted(p for folder in watched for p in folder.rglob("*") if p.is_file()):
        stat = path.stat()
        facts.append(f"{path}:{stat.st_mtime_ns}:{stat.st_size}")
    remembered = cache / ".keys" / hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]
    if remembered.is_file():
        return remembered.read_text()
    key = make_plan(files, source, sets).key
    write_atomically(remembered, key)
    return key


def bundle_directory(
    files: Path = FILES, source: Source = "modules", cache: Path = CACHE, sets: Collection[str] = ()
) -> Path:
    """The folder named by NILECARE_BUNDLE, else `<cache>/bundles/<key>`."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named).expanduser()
    cache = cache.expanduser()
    return cache / "bundles" / bundle_key(files, source, cache, sets)
