# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The bundle's table of contents, and the check of a bundle against it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import registry_store
from .errors import BundleError
from .files import write_json

FILE = "manifest.json"
SCHEMA = 1
IMAGES = "images"


@dataclass(frozen=True, order=True)
class Item:
    """One thing of a bundle. Of an image, `sha256` is its manifest's digest, `path` the registry's folder."""

    name: str
    version: str
    #: binary, image, package or manifest (any other file: upstream manifests, apt indexes, the SBOM)
    kind: str
    path: str
    sha256: str
    #: bytes
    size: int
    origin: str
    licence: str


@dataclass(frozen=True)
class Contents:
    """A bundle's manifest.json."""

    source: str
    key: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong with one item."""

    item: str
    problem: str

    def __str__(self) -> str:
        return f"{self.item}: {self.problem}"


def write(directory: Path, contents: Contents) -> None:
    """Write the manifest; it comes last, so a bundle with a manifest was complete once."""
    items = [dataclasses.asdict(item) for item in sorted(contents.items)]
    write_json(
        directory / FILE, {"schema": SCHEMA, "source": contents.source, "key": contents.key, "items": items}
    )


def read(directory: Path) -> Contents:
    """Read a bundle's manifest."""
    path = directory / FILE
    if not path.is_file():
        raise BundleError(
            f"there is no bundle in {directory}: expected {path}; make one with playbooks/bundle.yml"
        )
    try:
        value: dict[str, Any] = json.loads(path.read_text())
        if value["schema"] != SCHEMA:
            raise BundleError(
                f"{path} has schema {value['schema']}, expected {SCHEMA}; make the bundle again"
            )
        items = tuple(Item(**item) for item in value["items"])
        return Contents(value["source"], value["key"], items)
    except (ValueError, TypeError, KeyError) as error:
        raise BundleError(f"{path} is damaged ({error}); make the bundle again") from error


def verify(directory: Path, items: Iterable[Item] | None = None) -> list[Problem]:
    """Check every item's content; the result names each bad item and says what is wrong with it."""
    known_good: set[str] = set()
    found = []
    for item in read(directory).items if items is None else items:
        for problem in item_problems(directory, item, known_good):
            found.append(Problem(f"{item.kind} {item.name}", problem))
    return found


def item_problems(directory: Path, item: Item, known_good: set[str]) -> list[str]:
    """What is wrong with one item of the bundle in this folder."""
    if item.kind == "image":
        name, _colon, tag = item.name.rpartition(":")
        root = directory / IMAGES
        return list(registry_store.problems(root, name, tag, f"sha256:{item.sha256}", known_good))
    problem = registry_store.file_problem(directory / item.path, item.sha256, item.size)
    return [problem] if problem else []
