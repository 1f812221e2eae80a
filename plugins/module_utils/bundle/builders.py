# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes one unit of a plan: programs, layers, images, repositories, downloads."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from . import deb, debian, maven, python, registry_store, upstream, wheel
from .cache import PROGRAMS, Built
from .errors import BundleError
from .files import files_below, link, sha256_of
from .golang import Toolchain, required_version
from .lockfile import Package
from .manifest import IMAGES, Item
from .oci import Blob, Entry, ImageSpec, image_config, image_manifest, write_layer
from .plan import GO_VERSION, Plan, Unit
from .recipe import ImageFile, Recipe, qualified

Tick = Callable[[str], None]
#: file of a unit that is a layer
LAYER = "layer.tar.gz"


@dataclass(frozen=True)
class Settings:
    """Where things come from and where caches lie."""

    cache: Path
    debian_mirrors: tuple[str, ...] = ()
    #: base addresses that replace official ones: `kubernetes`, `github`, `raw`, or a registry's host
    bases: Mapping[str, str] = field(default_factory=dict)


class Builders:
    """Builds units; what they need is handed to them built."""

    def __init__(self, plan: Plan, settings: Settings) -> None:
        self.plan = plan
        self.settings = settings
        self.bases = settings.bases
        self.lock = threading.Lock()
        self._go: Toolchain | None = None

    @property
    def go(self) -> Toolchain:
        """The Go toolchain, found or fetched when the first program is built."""
        with self.lock:
            if self._go is None:
                self._go = Toolchain(self.settings.cache / "go", GO_VERSION)
            return self._go

    def _apt(self, release: str) -> debian.Apt:
        state = self.settings.cache / "apt" / release
        apt = debian.Apt(state, self.settings.debian_mirrors, release)
        apt.update()
        return apt

    def build(self, unit: Unit, built: Built, needs: Mapping[str, Built], tick: Tick) -> None:
        """Build a unit into the folder of `built`."""
        if unit.kind == "programs":
            self._programs(unit, built, tick)
        elif unit.kind == "manifests":
            self._manifests(unit, built)
        elif unit.kind == "packages":
            self._packages(unit, built)
        elif unit.kind == "root":
            self._root(unit, built, needs)
        elif unit.kind == "python":
            self._python(unit, built, needs)
        elif unit.kind == "jars":
            self._jars(unit, built)
        elif unit.kind == "image":
            self._image(unit, built, needs)
        elif unit.kind == "download":
            self._download(unit, built, tick)
        elif unit.kind == "pull":
            self._pull(unit, built, tick)

    def _programs(self, unit: Unit, built: Built, tick: Tick) -> None:
        recipe, build = unit.recipe, unit.recipe.go
        if recipe.wheel:
            found = wheel.programs(recipe.wheel, built.folder / PROGRAMS, built.folder / "work")
            self._binaries(recipe, built, found, recipe.version)
            return
        if recipe.debs:
            mirror = (*self.settings.debian_mirrors, *debian.mirrors())[0]
            found = deb.programs(recipe.debs, mirror, built.folder / PROGRAMS, built.folder / "work")
            self._binaries(recipe, built, found, recipe.version)
            return
        if build is None:
            raise TypeError("build is missing")
        directory = self.plan.files / "go" / build.directory
        pinned = required_version((directory / "go.mod").read_text(), build.module)
        if not pinned:
            raise BundleError(
                f"{directory}/go.mod does not pin {build.module}, which {recipe.component} is made of"
            )
        files = self.go.build(directory, build, built.folder / PROGRAMS, tick)
        built.modules = {name: self.go.modules(path) for name, path in files.items()}
        self._binaries(recipe, built, files, pinned)

    @staticmethod
    def _binaries(recipe: Recipe, built: Built, files: Mapping[str, Path], version: str) -> None:
        """What machines get as files."""
        for binary in recipe.binaries:
            target = built.bundle / binary.path
            files[binary.program].chmod(0o755)
            link(files[binary.program], target)
            built.items.append(_file_item(built, recipe, "binary", binary.program, binary.path, version))

    def _manifests(self, unit: Unit, built: Built) -> None:
        recipe, build = unit.recipe, unit.recipe.go
        if build is None:
            raise TypeError("build is missing")
        directory = self.plan.files / "go" / build.directory
        pinned = required_version((directory / "go.mod").read_text(), build.module)
        source = self.go.module_directory(directory, build.module)
        for manifest in recipe.manifests:
            for file in _files_of(source, manifest.source):
                relative = file.relative_to(source / manifest.source)
                path = manifest.path if str(relative) == "." else f"{manifest.path}/{relative}"
                target = built.bundle / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
                target.chmod(0o644)
                name = path.removeprefix("manifests/")
                built.items.append(_file_item(built, recipe, "manifest", name, path, pinned))

    def _debs(self, packages: Sequence[Package], release: str, folder: Path) -> dict[Package, Path]:
        """The package files, from the cache of package files or the mirror of this release."""
        cache = self.settings.cache / "debs"
        cache.mkdir(parents=True, exist_ok=True)
        found = {p: cache / f"{p.sha256}.deb" for p in packages}
        with self.lock:
            missing = [p for p, path in found.items() if not path.is_file() or path.stat().st_size != p.size]
            if missing:
                by_name = {package.name: package for package in missing}
                for name, path in self._apt(release).download(missing, folder / "downloads").items():
                    path.replace(found[by_name[name]])
                shutil.rmtree(folder / "downloads")
        return found

    def _packages(self, unit: Unit, built: Built) -> None:
        if unit.recipe.debian is None:
            raise TypeError("unit.recipe.debian is missing")
        release = unit.recipe.debian.release
        packages = self.plan.debian[unit.recipe.component].of("machines")
        debs = self._debs(packages, release, built.folder)
        debian.write_repository(built.bundle / "apt", debs, release)
        for package in packages:
            origin = f"Debian {release} {package.filename}"
            path = f"apt/{package.filename}"
            licence = f"see /usr/share/doc/{package.name}/copyright"
            item = Item(
                package.name, package.version, "package", path, package.sha256, package.size, origin, licence
            )
            built.items.append(item)
        for path in files_below(built.bundle / "apt/dists"):
            item = _file_item(
                built, unit.recipe, "manifest", f"apt/dists/{path}", f"apt/dists/{path}", release
            )
            built.items.append(item)

    def _root(self, unit: Unit, built: Built, needs: Mapping[str, Built]) -> None:
        if unit.recipe.debian is None:
            raise TypeError("unit.recipe.debian is missing")
        name = unit.name.removeprefix("root-")
        root = unit.recipe.debian.roots[name]
        lock = self.plan.debian[unit.recipe.component]
        debs = self._debs(lock.of(name), lock.release, built.folder)
        paths = [debs[package] for package in sorted(debs, key=lambda p: p.name)]
        status = [text for need in needs.values() for text in need.facts["status"]]
        status += [debian.installed(path) for path in paths]
        entries = [
            *debian.unpacked(paths, root.exclude),
            Entry(debian.STATUS, content=("\n\n".join(status) + "\n").encode()),
            *self._entries(root.files, unit.recipe, {}),
        ]
        built.facts = {"layer": vars(write_layer(entries, built.folder / LAYER)), "status": status}

    def _python(self, unit: Unit, built: Built, needs: Mapping[str, Built]) -> None:
        program = unit.recipe.python
        if program is None:
            raise TypeError("program is missing")
        lower = [needs[need].folder / LAYER for need in unit.needs]
        with python.layer_entries(
            program, self.plan.files.parents[2], lower, built.folder / "work"
        ) as entries:
            built.facts = {"layer": vars(write_layer(entries, built.folder / LAYER))}

    def _jars(self, unit: Unit, built: Built) -> None:
        if unit.recipe.maven is None:
            raise TypeError("unit.recipe.maven is missing")
        base = upstream.expand("${maven}", self.bases)
        with maven.layer_entries(unit.recipe.maven, base, built.folder / "work") as entries:
            built.facts = {"layer": vars(write_layer(entries, built.folder / LAYER))}

    def _entries(self, files: Sequence[ImageFile], recipe: Recipe, needs: Mapping[str, Built]) -> list[Entry]:
        entries = []
        for file in files:
            if file.link:
                entries.append(Entry(file.path, "symlink", target=file.link))
                continue
            source = None
            if file.program:
                component, _slash, program = qualified(file.program, recipe.component).partition("/")
                source = needs[component].program(program)
            elif file.module and recipe.go:
                directory = self.plan.files / "go" / recipe.go.directory
                source = _file_of(self.go.module_directory(directory, recipe.go.module), file.module)
            elif file.file:
                source = self.plan.files / "content" / file.file
            kind: Literal["directory", "file"] = "directory" if file.directory else "file"
            content = file.content.encode()
            entries.append(Entry(file.path, kind, file.mode, file.uid, file.gid, content, source))
        return entries

    def _image(self, unit: Unit, built: Built, needs: Mapping[str, Built]) -> None:
        image = unit.image
        if image is None:
            raise TypeError("image is missing")
        root = built.bundle / IMAGES
        layers = []
        for need in unit.needs:
            if "layer" in needs[need].facts:
                layers.append(Blob(**needs[need].facts["layer"]))
                registry_store.add_file(root, layers[-1].digest, needs[need].folder / LAYER)
        entries = self._entries(image.files, unit.recipe, needs)
        if entries:
            temporary = built.folder / LAYER
            layers.append(write_layer(entries, temporary))
            registry_store.add_file(root, layers[-1].digest, temporary)
            temporary.unlink()
        spec = ImageSpec(
            image.entrypoint, image.command, image.user, image.directory, image.environment, _labels(unit)
        )
        config = image_config(layers, spec)
        registry_store.add_bytes(root, config)
        self._add_image(unit, built, image_manifest(config, layers))
        programs = [qualified(file.program, unit.recipe.component) for file in image.files if file.program]
        modules = {}
        for program in programs:
            component, _slash, name = program.partition("/")
            for module in needs[component].modules.get(name, []):
                modules[module["path"], module["version"]] = module
        built.modules = {built.items[0].name: [modules[pair] for pair in sorted(modules)]}

    def _add_image(self, unit: Unit, built: Built, manifest: bytes) -> None:
        image, recipe = unit.image, unit.recipe
        if image is None:
            raise TypeError("image is missing")
        root = built.bundle / IMAGES
        digest = registry_store.add_manifest(root, image.name, image.tag, manifest)
        built.items.append(
            Item(
                f"{image.name}:{image.tag}",
                recipe.version,
                "image",
                f"{IMAGES}/{registry_store.ROOT}/repositories/{image.name}",
                digest.removeprefix("sha256:"),
                registry_store.image_size(root, manifest),
                recipe.origin,
                recipe.licence,
            )
        )

    def _download(self, unit: Unit, built: Built, tick: Tick) -> None:
        binaries = {binary.path: binary.program for binary in unit.recipe.binaries}
        for number, file in enumerate(unit.recipe.upstream, start=1):
            url = upstream.expand(file.url, self.bases)
            sha256 = self.plan.upstream.files.get(file.url)
            if not sha256:
                raise _unlocked(file.url)
            archive = built.folder / "archive"
            upstream.download(url, archive, sha256)
            upstream.extract(archive, file.paths, built.bundle)
            archive.unlink()
            for path in file.paths.values():
                kind = "binary" if path in binaries else "manifest"
                (built.bundle / path).chmod(0o755 if kind == "binary" else 0o644)
                name = binaries.get(path, path.removeprefix("manifests/"))
                built.items.append(_file_item(built, unit.recipe, kind, name, path, url))
            tick(f"{number} of {len(unit.recipe.upstream)} files")

    def _pull(self, unit: Unit, built: Built, tick: Tick) -> None:
        image = unit.image
        if image is None:
            raise TypeError("image is missing")
        source = image.upstream or image.name
        digest = self.plan.upstream.images.get(f"{source}:{image.tag}")
        if not digest:
            raise _unlocked(f"{source}:{image.tag}")
        folder = built.folder / "blobs"
        folder.mkdir()
        manifest, blobs = upstream.pull(source, digest, folder, self.bases, tick)
        for blob, path in blobs.items():
            registry_store.add_file(built.bundle / IMAGES, blob, path)
        shutil.rmtree(folder)
        self._add_image(unit, built, manifest)


def _unlocked(what: str) -> BundleError:
    command = "ansible-playbook playbooks/bundle.yml -e bundle_source=upstream -e bundle_state=locked"
    return BundleError(
        f"{what} has no checksum in upstream.lock.yml; with internet, run `{command}`, look at the change "
        "and commit it"
    )


def _labels(unit: Unit) -> dict[str, str]:
    return {
        "org.opencontainers.image.version": unit.recipe.version,
        "org.opencontainers.image.licenses": unit.recipe.licence,
        "org.opencontainers.image.source": unit.recipe.origin,
    }


def _file_item(built: Built, recipe: Recipe, kind: str, name: str, path: str, pin: str) -> Item:
    file = built.bundle / path
    origin = recipe.origin if recipe.debian else f"{recipe.origin} {pin}"
    return Item(
        name, recipe.version, kind, path, sha256_of(file), file.stat().st_size, origin, recipe.licence
    )


def _file_of(source: Path, name: str) -> Path:
    path = source / name
    if not path.is_file():
        raise BundleError(f"the module in {source} has no file {name}")
    return path


def _files_of(source: Path, name: str) -> list[Path]:
    path = source / name
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    if not files:
        raise BundleError(f"the module in {source} has no file or folder {name}")
    return files
