# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan of a bundle: units that are built and cached one by one, in order, each with its key.

A unit's key covers its recipe, the files it reads, its pins and the keys of the units it needs, so a
changed recipe rebuilds exactly what depends on it. The bundle's key covers all units' keys.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from . import lockfile
from .errors import BundleError
from .files import sha256_of
from .recipe import Image, Python, Recipe, RootFileSystem, chosen, load, qualified

#: Raised when a builder changes what it makes from the same recipe.
FORMAT = 1

#: The Go toolchain that everything is built with.
GO_VERSION = "1.26.8"

Source = Literal["modules", "upstream"]
Kind = Literal["programs", "root", "python", "jars", "image", "manifests", "packages", "download", "pull"]


@dataclass(frozen=True)
class Unit:
    """One thing that is built, cached and linked into the bundle as a whole."""

    name: str
    kind: Kind
    recipe: Recipe
    key: str
    needs: tuple[str, ...] = ()
    image: Image | None = None
    #: a cold build's estimated cost, on two cores
    seconds: int = 5
    megabytes: int = 50

    @property
    def folder(self) -> str:
        """The name of its folder in the cache of items."""
        return f"{self.name}-{self.key}"


@dataclass(frozen=True)
class Plan:
    """All units in the order in which they can be built."""

    source: Source
    files: Path
    units: tuple[Unit, ...]
    #: pins of Debian packages by component
    debian: Mapping[str, lockfile.DebianLock]
    upstream: lockfile.UpstreamLock

    @property
    def key(self) -> str:
        """12 hexadecimal digits that name the bundle."""
        return _key([self.source, [unit.folder for unit in self.units]])[:12]

    def unit(self, name: str) -> Unit:
        """The unit with this name."""
        for unit in self.units:
            if unit.name == name:
                return unit
        raise BundleError(f"no unit {name} is planned; planned are {', '.join(u.name for u in self.units)}")


def _key(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """A recipe's part without what is empty: a new optional field leaves the keys of others alone."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain for key, item in value.items() if (plain := _plain(item))}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _pins(packages: Iterable[lockfile.Package]) -> list[list[str]]:
    return [[p.name, p.version, p.sha256, p.filename] for p in packages]


class _Planner:
    def __init__(self, source: Source, files: Path, recipes: list[Recipe]) -> None:
        self.source = source
        self.files = files
        self.recipes = recipes
        self.debian = {
            r.component: lockfile.read_debian(files / f"{r.component}.lock.yml") for r in recipes if r.debian
        }
        self.upstream = lockfile.read_upstream(files / "upstream.lock.yml")
        self.units: dict[str, Unit] = {}

    def add(self, name: str, kind: Kind, recipe: Recipe, facts: Any, **more: Any) -> None:
        needs = tuple(more.pop("needs", ()))
        facts = [FORMAT, kind, recipe.version, facts, [self.units[need].key for need in needs]]
        self.units[name] = Unit(name, kind, recipe, _key(facts), needs, **more)

    def content(self, path: str) -> str:
        file = self.files / path
        if not file.is_file():
            raise BundleError(f"a recipe names the file {path}, which is not in {self.files}")
        return sha256_of(file)

    def plan(self) -> Plan:
        for recipe in self.recipes:
            if recipe.debian:
                self.packages(recipe)
        for recipe in self.recipes:
            if self.official(recipe):
                self.downloads(recipe)
            else:
                self.programs(recipe)
        for recipe in self.recipes:
            if recipe.python:
                self.python(recipe, recipe.python)
            if recipe.maven and not self.official(recipe):
                self.add(f"jars-{recipe.component}", "jars", recipe, _plain(recipe.maven), seconds=30)
            if not self.official(recipe):
                self.images(recipe)
        return Plan(self.source, self.files, tuple(self.units.values()), self.debian, self.upstream)

    def official(self, recipe: Recipe) -> bool:
        """Whether the component's official release is taken, rather than built here."""
        return self.source == "upstream" and not recipe.own

    def packages(self, recipe: Recipe) -> None:
        if recipe.debian is None:
            raise TypeError("recipe.debian is missing")
        lock = self.debian[recipe.component]
        if recipe.debian.packages:
            facts = [recipe.debian.release, _pins(lock.of("machines"))]
            self.add("packages", "packages", recipe, facts, seconds=recipe.seconds, megabytes=300)
        for name, root in recipe.debian.roots.items():
            content = [self.content(f"content/{f.file}") for f in root.files if f.file]
            facts = [_plain(root), _pins(lock.of(name)), content]
            if name in self.bases():
                needs = [f"root-{root.above}"] if root.above else []
                self.add(f"root-{name}", "root", recipe, facts, needs=needs, seconds=15, megabytes=150)

    def bases(self) -> set[str]:
        """Root file systems that images built here need."""
        bases = {image.base for r in self.recipes if not self.official(r) for image in r.images}
        return {unit.removeprefix("root-") for base in bases if base for unit in self.layers(base)}

    def roots(self) -> list[tuple[str, RootFileSystem]]:
        return [pair for r in self.recipes if r.debian for pair in r.debian.roots.items()]

    def layers(self, base: str) -> list[str]:
        """Units of the layers that a base consists of, lowest first."""
        root = dict(self.roots())[base]
        return [*(self.layers(root.above) if root.above else []), f"root-{base}"]

    def python(self, recipe: Recipe, python: Python) -> None:
        folder = self.files.parents[2]
        sources = sorted((folder / python.source).rglob("*.py"))
        if not sources:
            raise BundleError(f"{recipe.component}: there is no Python package in {folder / python.source}")
        content = {str(path.relative_to(folder)): sha256_of(path) for path in sources}
        requirements = sha256_of(folder / python.requirements)
        facts = [_plain(python), requirements, content]
        needs = self.layers(python.base)
        self.add(
            f"python-{recipe.component}", "python", recipe, facts, needs=needs, seconds=40, megabytes=150
        )

    def programs(self, recipe: Recipe) -> None:
        if recipe.go:
            folder = self.files / "go" / recipe.go.directory
            # A component that is libraries only has a main program of ours beside its go.mod.
            names = ["go.mod", "go.sum", *sorted(path.name for path in folder.glob("*.go"))]
            lock = [self.content(f"go/{recipe.go.directory}/{name}") for name in names]
            facts = [_plain(recipe.go), [_plain(b) for b in recipe.binaries], lock, GO_VERSION]
            self.add(
                recipe.component,
                "programs",
                recipe,
                facts,
                seconds=recipe.seconds,
                megabytes=recipe.megabytes,
            )
        if recipe.wheel or recipe.debs:
            self.add(
                recipe.component,
                "programs",
                recipe,
                # Without files for machines the key is what it was before these could have some.
                [_plain(recipe.wheel or recipe.debs), _plain(recipe.binaries)]
                if recipe.binaries
                else _plain(recipe.wheel or recipe.debs),
                seconds=recipe.seconds,
                megabytes=recipe.megabytes,
            )
        if recipe.manifests:
            facts = [_plain(m) for m in recipe.manifests]
            module = self.units[recipe.component].key
            self.add(f"manifests-{recipe.component}", "manifests", recipe, [facts, module])

    def downloads(self, recipe: Recipe) -> None:
        if recipe.upstream:
            pins = [self.upstream.files.get(file.url) for file in recipe.upstream]
            facts = [[_plain(file) for file in recipe.upstream], pins]
            self.add(recipe.component, "download", recipe, facts, seconds=60)
        for image in recipe.images:
            digest = self.upstream.images.get(f"{image.upstream or image.name}:{image.tag}")
            pull = [image.name, image.tag, image.upstream, digest]
            self.add(self.image_name(image), "pull", recipe, pull, image=image, seconds=20)

    def images(self, recipe: Recipe) -> None:
        for image in recipe.images:
            programs = [qualified(f.program, recipe.component) for f in image.files if f.program]
            needs = sorted({program.split("/")[0] for program in programs})
            if any(file.module for file in image.files) and recipe.component not in needs:
                needs.append(recipe.component)
            if image.base:
                needs += self.layers(image.base)
            if image.python:
                needs.append(f"python-{recipe.component}")
            if image.maven:
                needs.append(f"jars-{recipe.component}")
            content = [self.content(f"content/{f.file}") for f in image.files if f.file]
            facts = [_plain(image), content]
            self.add(self.image_name(image), "image", recipe, facts, needs=needs, image=image)

    def image_name(self, image: Image) -> str:
        name = f"image-{image.short}"
        return f"{name}-{image.tag}" if name in self.units else name


def make_plan(files: Path, source: Source, sets: Collection[str] = ()) -> Plan:
    """Read recipes and locks below `files` and plan the bundle of this source with these optional sets."""
    return _Planner(source, files, chosen(load(files / "recipes"), sets)).plan()
