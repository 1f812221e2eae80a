# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Debian packages by apt itself, with a state of its own: the host's packages and lists are never touched."""

from __future__ import annotations

import contextlib
import fnmatch
import gzip
import hashlib
import io
import os
import re
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from .errors import BundleError
from .files import link, sha256_of, write_atomically
from .lockfile import Package
from .oci import Entry

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
#: dpkg's database
STATUS = "var/lib/dpkg/status"
#: folders that Debian 12 has only as links into /usr
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


def mirrors(configuration: Path = Path("/etc/apt")) -> list[str]:
    """The Debian mirrors that this host uses: the archive first, then the security archive."""
    lists = [configuration / "sources.list", *sorted((configuration / "sources.list.d").glob("*"))]
    text = "\n".join(path.read_text() for path in lists if path.is_file())
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found = re.findall(r"\bhttps?://[^\s\]]+", "\n".join(lines))
    wanted = {url.rstrip("/") for url in found if url.rstrip("/").endswith(("/debian", "/debian-security"))}
    return sorted(wanted, key=lambda url: (url.endswith("-security"), url))


#: releases that only move on: they have no updates apart, and their index may be older than it says to live
ROLLING = ("sid", "unstable")


def sources(urls: Sequence[str], release: str) -> str:
    """A sources.list for one release from these mirrors."""
    lines = []
    for url in urls:
        if release in ROLLING:
            if not url.endswith("-security"):
                lines.append(f"deb [signed-by={KEYRING} check-valid-until=no] {url} {release} main")
            continue
        suites = [f"{release}-security"] if url.endswith("-security") else [release, f"{release}-updates"]
        lines += [f"deb [signed-by={KEYRING}] {url} {suite} main" for suite in suites]
    return "\n".join(lines) + "\n"


class Apt:
    """apt-get with its own lists, cache and an empty set of installed packages, all below one folder."""

    def __init__(self, state: Path, urls: Sequence[str], release: str) -> None:
        self.urls = list(urls) or mirrors()
        if not self.urls:
            raise BundleError(
                "no Debian mirror is known: expected lines for .../debian and .../debian-security in "
                "/etc/apt, or the variable bundle_debian_mirrors"
            )
        self.state = state
        for folder in ("lists/partial", "cache/archives/partial", "preferences.d"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        (state / "status").touch()
        write_atomically(state / "sources.list", sources(self.urls, release))
        options = {
            "Dir::Etc::sourcelist": state / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State": state,
            "Dir::State::lists": state / "lists",
            "Dir::State::status": state / "status",
            "Dir::State::extended_states": state / "extended_states",
            "Dir::Cache": state / "cache",
            "APT::Architecture": "amd64",
            "APT::Architectures::": "amd64",
            "APT::Sandbox::User": "root",
            "APT::Install-Recommends": "false",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        self.options = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]

    def run(self, command: str, *arguments: str, directory: Path | None = None) -> str:
        """Run apt-get or apt-cache and return what it printed."""
        done = subprocess.run(
            [command, *self.options, *arguments],
            cwd=directory,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            words = " ".join([command, *arguments[:4]])
            raise BundleError(f"`{words} …` failed:", lines[-8:])
        return done.stdout

    def update(self) -> None:
        """Fetch the package lists; their signatures are checked."""
        self.run("apt-get", "-q", "update")

    def closure(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Names and versions of these packages and all their dependencies, from nothing installed."""
        output = self.run("apt-get", "-q", "-s", "install", *names)
        return sorted(set(re.findall(r"^Inst (\S+) \((\S+) ", output, re.MULTILINE)))

    def describe(self, pins: Iterable[tuple[str, str]], sets: Mapping[str, set[str]]) -> list[Package]:
        """Everything that a lock says about these packages."""
        output = self.run("apt-cache", "show", *[f"{name}={version}" for name, version in pins])
        found = {}
        for stanza in output.strip().split("\n\n"):
            fields = control_fields(stanza)
            name = fields["Package"]
            found[name] = Package(
                name,
                fields["Version"],
                fields["Architecture"],
                fields["SHA256"],
                int(fields["Size"]),
                fields["Filename"],
                tuple(sorted(s for s, names in sets.items() if name in names)),
            )
        return [found[name] for name in sorted(found)]

    def download(self, packages: Sequence[Package], directory: Path) -> dict[str, Path]:
        """Fetch exactly these packages and check them; returns the file of each by name."""
        served = set(re.findall(r"^\s*(\S+) \|\s*(\S+) \|", self._madison(packages), re.MULTILINE))
        gone = [f"{p.name} {p.version}" for p in packages if (p.name, p.version) not in served]
        if gone:
            raise BundleError(
                "these pinned Debian packages are no longer served; take today's versions with "
                "`ansible-playbook playbooks/bundle.yml -e bundle_state=locked`, then look at the change and "
                "commit it. Nothing was built.",
                gone,
            )
        directory.mkdir(parents=True, exist_ok=True)
        self.run(
            "apt-get", "-q", "download", *[f"{p.name}={p.version}" for p in packages], directory=directory
        )
        by_sum = {sha256_of(path): path for path in directory.glob("*.deb")}
        wrong = [
            f"{p.name} {p.version}: expected SHA-256 {p.sha256}" for p in packages if p.sha256 not in by_sum
        ]
        if wrong:
            raise BundleError("the mirror served other files than the lock names:", wrong)
        return {package.name: by_sum[package.sha256] for package in packages}

    def _madison(self, packages: Sequence[Package]) -> str:
        with contextlib.suppress(BundleError):
            return self.run("apt-cache", "madison", *[p.name for p in packages])
        return ""


def control_fields(stanza: str) -> dict[str, str]:
    """Fields of one paragraph of a control file; continuation lines are kept as they are."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1] in " \t":
            fields[name] += "\n" + line
        elif ":" in line:
            name, _colon, value = line.partition(":")
            fields[name] = value.strip()
    return fields


def control_of(deb: Path) -> str:
    """The control paragraph of a package file."""
    return subprocess.run(
        ["dpkg-deb", "-f", str(deb)], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def installed(deb: Path) -> str:
    """What dpkg's database says of a package when it is installed: scanners read it."""
    return control_of(deb).replace("\n", "\nStatus: install ok installed\n", 1)


def write_repository(root: Path, debs: Mapping[Package, Path], release: str) -> None:
    """Write an apt repository with these package files: pool, Packages, Release. No clock goes into it."""
    stanzas = []
    for package, deb in sorted(debs.items(), key=lambda item: item[0].name):
        link(deb, root / package.filename)
        (root / package.filename).chmod(0o644)
        stanzas.append(
            f"{control_of(deb)}\nFilename: {package.filename}\n"
            f"Size: {package.size}\nSHA256: {package.sha256}\n"
        )
    index = "\n".join(stanzas).encode()
    folder = f"dists/{release}"
    parts = {
        "main/binary-amd64/Packages": index,
        "main/binary-amd64/Packages.gz": _packed(index),
    }
    sums = []
    for name, content in parts.items():
        write_atomically(root / folder / name, content)
        sums.append(f" {hashlib.sha256(content).hexdigest()} {len(content):>10} {name}")
    write_atomically(
        root / folder / "Release",
        "\n".join(
            [
                "Origin: NileCare",
                "Label: NileCare",
                f"Suite: {release}",
                f"Codename: {release}",
                "Date: Thu, 01 Jan 2026 00:00:00 UTC",
                "Architectures: amd64",
                "Components: main",
                "Description: Debian packages of the NileCare platform, as locked",
                "SHA256:",
                *sums,
            ]
        )
        + "\n",
    )


def _packed(content: bytes) -> bytes:
    """Gzip without name and time; `gzip.compress` names the operating system in some versions of Python."""
    stream = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as packed:
        packed.write(content)
    return stream.getvalue()


def merged_path(path: str) -> str:
    """Where a package's path really is on a system whose /bin, /sbin and /lib are links into /usr."""
    clean = str(PurePosixPath("/") / path).lstrip("/")
    first, _slash, rest = clean.partition("/")
    return f"usr/{first}/{rest}".rstrip("/") if first in MERGED else clean


def unpacked(debs: Iterable[Path], exclude: Sequence[str]) -> Iterator[Entry]:
    """All paths of these packages as entries of a layer, with folders merged into /usr."""
    for name in ("bin", "sbin", "lib", "lib64"):
        yield Entry(name, "symlink", 0o777, target=f"usr/{name}")
        yield Entry(f"usr/{name}", "directory", 0o755)
    for deb in debs:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as process:
            if process.stdout is None:
                raise TypeError("process.stdout is missing")
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                yield from _entries(archive, exclude)
        if process.returncode:
            raise BundleError(f"dpkg-deb cannot read {deb}")


def _entries(archive: tarfile.TarFile, exclude: Sequence[str]) -> Iterator[Entry]:
    for member in archive:
        path = merged_path(member.name)
        if not path or any(fnmatch.fnmatch(f"/{path}", pattern) for pattern in exclude):
            continue
        owner = (member.mode, member.uid, member.gid)
        if not member.isreg() and path in {f"usr/{name}" for name in MERGED}:
            continue
        if member.isdir():
            yield Entry(path, "directory", *owner)
        elif member.issym():
            yield Entry(path, "symlink", *owner, target=member.linkname)
        elif member.islnk():
            yield Entry(path, "hardlink", *owner, target=merged_path(member.linkname))
        elif member.isreg():
            stream = archive.extractfile(member)
            yield Entry(path, "file", *owner, content=stream.read() if stream else b"")
