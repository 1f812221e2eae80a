# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cache of built units: one folder a unit and key, complete and checksummed, or not there."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .files import directory_in_progress, files_below, locked, sha256_of, write_json
from .manifest import Item
from .plan import Plan, Unit

FILE = "item.json"
#: what a unit gives to the bundle lies in this folder, at its paths in the bundle
BUNDLE = "bundle"
#: programs that images are made of
PROGRAMS = "programs"


@dataclass
class Built:
    """A built unit."""

    folder: Path
    items: list[Item] = field(default_factory=list)
    #: Go modules of each item, by item name
    modules: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    #: facts for units that need this one
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def bundle(self) -> Path:
        """The folder that is linked into the bundle."""
        return self.folder / BUNDLE

    def program(self, name: str) -> Path:
        """The file of a program of this unit."""
        return self.folder / PROGRAMS / name


class ItemCache:
    """Folders `<unit>-<key>` below one root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, unit: Unit) -> Path:
        """Where a unit lies, or would."""
        return self.root / unit.folder

    @contextlib.contextmanager
    def lock(self, unit: Unit) -> Iterator[None]:
        """Keep others from building the same unit at the same time."""
        with locked(self.root / ".locks" / unit.folder):
            yield

    def load(self, unit: Unit) -> Built | None:
        """The unit when it is in the cache with every file as it was built; otherwise None."""
        folder = self.folder(unit)
        try:
            value = json.loads((folder / FILE).read_text())
            for path, (sha256, size) in value["files"].items():
                if (folder / path).stat().st_size != size or sha256_of(folder / path) != sha256:
                    return None
            items = [Item(**item) for item in value["items"]]
            return Built(folder, items, value["modules"], value["facts"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextlib.contextmanager
    def store(self, unit: Unit) -> Iterator[Built]:
        """A fresh folder to build into; it joins the cache when the block ends without an error."""
        with directory_in_progress(self.folder(unit)) as temporary:
            built = Built(temporary)
            yield built
            files = {
                path: [sha256_of(temporary / path), (temporary / path).stat().st_size]
                for path in files_below(temporary)
            }
            write_json(
                temporary / FILE,
                {
                    "files": files,
                    "items": [dataclasses.asdict(item) for item in built.items],
                    "modules": built.modules,
                    "facts": built.facts,
                },
            )
        built.folder = self.folder(unit)

    def trim(self, plan: Plan) -> list[str]:
        """Remove the units that a plan does not use; returns their names."""
        wanted = {unit.folder for unit in plan.units}
        removed = []
        for folder in sorted(self.root.glob("*")):
            if folder.is_dir() and not folder.name.startswith(".") and folder.name not in wanted:
                shutil.rmtree(folder)
                removed.append(folder.name)
        return removed
