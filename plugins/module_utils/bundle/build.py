# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes a bundle true: builds what is missing, links it, writes its manifest and bill of materials."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from . import lockfile, manifest, sbom, upstream
from .builders import Builders, Settings
from .cache import Built, ItemCache
from .debian import Apt
from .errors import BundleError
from .files import files_below, link, locked, sha256_of, write_atomically
from .golang import Toolchain
from .manifest import Contents, Item
from .plan import GO_VERSION, Plan, Source, Unit
from .progress import Progress, Say
from .recipe import GoBuild, Recipe, load

MEBIBYTE = 1024 * 1024
#: units that are built at the same time
WORKERS = 2


@dataclass
class Result:
    """What a run did, or would do."""

    directory: Path
    key: str
    changed: bool = False
    #: units that were built, or would be
    built: list[str] = field(default_factory=list)
    items: int = 0


def complete(plan: Plan, directory: Path) -> bool:
    """Whether the bundle is there, was made by this plan and every item of it is right."""
    try:
        contents = manifest.read(directory)
    except BundleError:
        return False
    return contents.key == plan.key and not manifest.verify(directory, contents.items)


def missing_units(plan: Plan, cache: ItemCache) -> list[Unit]:
    """Units that are not in the cache, or not as they were built."""
    return [unit for unit in plan.units if cache.load(unit) is None]


def check_disk(cache: Path, units: list[Unit]) -> None:
    """Refuse to begin what the disk cannot hold."""
    needed = sum(unit.megabytes for unit in units)
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free // MEBIBYTE
    if free < needed:
        raise BundleError(
            f"building {len(units)} items needs about {needed} MiB below {cache}, {free} MiB are free; "
            "nothing was built"
        )


def make(plan: Plan, settings: Settings, directory: Path, say: Say, check: bool = False) -> Result:
    """Make the bundle in `directory` complete."""
    result = Result(directory, plan.key)
    if complete(plan, directory):
        result.items = len(manifest.read(directory).items)
        return result
    cache = ItemCache(settings.cache / "items")
    units = missing_units(plan, cache)
    result.changed = True
    result.built = [unit.name for unit in units]
    if check:
        return result
    if sbom.IMPORT_ERROR:
        raise BundleError(
            f"the Python package cyclonedx-python-lib is missing ({sbom.IMPORT_ERROR}); nothing was built"
        )
    check_disk(settings.cache, units)
    built = build_all(plan, settings, cache, units, say)
    with locked(settings.cache / ".locks" / f"bundle-{plan.key}"):
        result.items = assemble(plan, built, directory)
    return result


def build_all(
    plan: Plan, settings: Settings, cache: ItemCache, missing: list[Unit], say: Say
) -> dict[str, Built]:
    """Build missing units, two at a time; a unit that another run is building is waited for, then taken.

    Two, because linking and packing use one core while the compiler could use the other.
    """
    builders = Builders(plan, settings)
    progress = Progress(missing, say)
    wanted = {unit.name for unit in missing}
    futures: dict[str, Future[Built]] = {}

    def build(unit: Unit) -> Built:
        found = None if unit.name in wanted else cache.load(unit)
        if found is None:
            # units are begun in order, so what is needed is done or under way
            needs = {name: futures[name].result() for name in unit.needs}
            progress.start(unit)
            with cache.lock(unit):
                found = cache.load(unit)
                if found is None:
                    with cache.store(unit) as found:
                        builders.build(unit, found, needs, partial(progress.tick, unit))
            progress.finish(unit)
        return found

    with ThreadPoolExecutor(WORKERS) as executor:
        for unit in plan.units:
            futures[unit.name] = executor.submit(build, unit)
        wait(futures.values(), return_when=FIRST_EXCEPTION)
        executor.shutdown(wait=True, cancel_futures=True)
    for future in futures.values():
        if not future.cancelled():
            future.result()
    return {name: future.result() for name, future in futures.items()}


def assemble(plan: Plan, built: dict[str, Built], directory: Path) -> int:
    """Link all units into the bundle, remove what is not of it, and write its contents last."""
    items: list[Item] = []
    modules: dict[str, list[dict[str, str]]] = {}
    wanted = {manifest.FILE, sbom.FILE}
    for unit in built.values():
        items += unit.items
        modules.update(unit.modules)
        for path in files_below(unit.bundle):
            link(unit.bundle / path, directory / path)
            wanted.add(path)
    for path in set(files_below(directory)) - wanted:
        (directory / path).unlink()
    _remove_empty_folders(directory)
    write_atomically(directory / sbom.FILE, sbom.render(plan.key, items, modules))
    items.append(
        Item(
            sbom.FILE,
            plan.key,
            "manifest",
            sbom.FILE,
            sha256_of(directory / sbom.FILE),
            (directory / sbom.FILE).stat().st_size,
            "made with cyclonedx-python-lib",
            "GPL-3.0-or-later",
        )
    )
    manifest.write(directory, Contents(plan.source, plan.key, tuple(items)))
    return len(items)


def _remove_empty_folders(directory: Path) -> None:
    for folder, _folders, _files in os.walk(directory, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()


def refresh_locks(
    files: Path, source: Source, settings: Settings, say: Say, check: bool = False
) -> list[Path]:
    """Look up today's versions and checksums and write the lock files; returns the files that changed."""
    recipes = load(files / "recipes")
    changed: list[Path] = []
    for recipe in recipes:
        if recipe.debian:
            path = files / f"{recipe.component}.lock.yml"
            lock = lock_debian(recipe, settings, say)
            if lock != lockfile.read_debian(path):
                changed.append(path)
                if not check:
                    lockfile.write_debian(path, lock)
        if recipe.go:
            changed += lock_go(files / "go" / recipe.go.directory, recipe.go, settings, say, check)
    if source == "upstream":
        path = files / "upstream.lock.yml"
        old = lockfile.read_upstream(path)
        new = lock_upstream(recipes, old, settings, say)
        if new != old:
            changed.append(path)
            if not check:
                lockfile.write_upstream(path, new)
    return changed


def lock_go(directory: Path, go: GoBuild, settings: Settings, say: Say, check: bool) -> list[Path]:
    """Complete a component's go.mod and go.sum: every module that its programs need, with its sum."""
    say(f"bundle: resolving the modules of {go.module}")
    changed = []
    with tempfile.TemporaryDirectory(prefix="nilecare-go-") as name:
        copy = Path(name)
        for file in (*directory.glob("go.*"), *directory.glob("*.go")):
            shutil.copy(file, copy)
        toolchain = Toolchain(settings.cache / "go", GO_VERSION)
        tags = ["-tags", " ".join(go.tags)] if go.tags else []
        toolchain.run(copy, "list", "-mod=mod", *tags, "-deps", *go.programs.values(), build=go)
        for file in sorted(copy.glob("go.*")):
            path = directory / file.name
            if not path.is_file() or path.read_bytes() != file.read_bytes():
                changed.append(path)
                if not check:
                    write_atomically(path, file.read_bytes())
    return changed


def lock_debian(recipe: Recipe, settings: Settings, say: Say) -> lockfile.DebianLock:
    """Versions of all Debian packages and their dependencies, as the mirror has them today."""
    debian = recipe.debian
    if debian is None:
        raise TypeError("debian is missing")
    say(f"bundle: looking up the packages of Debian {debian.release}")
    apt = Apt(settings.cache / "apt" / debian.release, settings.debian_mirrors, debian.release)
    apt.update()
    closures = {"machines": apt.closure(debian.packages)} if debian.packages else {}
    for name, root in debian.roots.items():
        lower = closures.get(root.above, [])
        pins = apt.closure([*root.packages, *_names(lower)])
        closures[name] = [pin for pin in pins if pin not in lower and pin[0] not in root.without]
    sets = {name: {package for package, _version in pins} for name, pins in closures.items()}
    pins = sorted({pin for closure in closures.values() for pin in closure})
    return lockfile.DebianLock(debian.release, tuple(apt.describe(pins, sets)))


def _names(pins: list[tuple[str, str]]) -> list[str]:
    return [name for name, _version in pins]


def lock_upstream(
    recipes: list[Recipe], old: lockfile.UpstreamLock, settings: Settings, say: Say
) -> lockfile.UpstreamLock:
    """Checksums of official release files and digests of official images; known ones are kept."""
    files: dict[str, str] = {}
    images: dict[str, str] = {}
    for recipe in recipes:
        for file in recipe.upstream:
            say(f"bundle: {file.url}")
            url = upstream.expand(file.url, settings.bases)
            files[file.url] = old.files.get(file.url) or upstream.published_sum(url)
        for image in recipe.images if not recipe.own else ():
            source = image.upstream or image.name
            name = f"{source}:{image.tag}"
            say(f"bundle: {name}")
            images[name] = old.images.get(name) or upstream.resolve(source, image.tag, settings.bases)
    return lockfile.UpstreamLock(files, images)


def trim(plan: Plan, everything: Plan, settings: Settings, what: list[str]) -> list[str]:
    """Free disk: bundles other than this plan's, items that no set uses, the compiler's caches (`go`)."""
    removed = []
    if "items" in what:
        removed += ItemCache(settings.cache / "items").trim(everything)
        shutil.rmtree(settings.cache / "debs", ignore_errors=True)
    if "bundles" in what:
        for folder in sorted((settings.cache / "bundles").glob("*")):
            if folder.name != plan.key:
                shutil.rmtree(folder)
                removed.append(f"bundles/{folder.name}")
    if "go" in what:
        Builders(plan, settings).go.trim()
        removed.append("go")
    return removed
