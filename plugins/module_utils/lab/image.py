# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The disk that a lab's machines start from: a bare Debian with systemd, sshd and Python.

The recipe is pure; `build` runs mmdebstrap with it. The result is kept under a key made from the recipe.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .process import output, run

SUITE = "bookworm"
REPOSITORY = "localhost/nilecare/lab-machine"

# What a freshly installed server has, and the tools that kubeadm's checks look for.
PACKAGES = (
    "ca-certificates",
    "conntrack",
    "dbus",
    "ethtool",
    "ipset",
    "iproute2",
    "iptables",
    "iputils-ping",
    "kmod",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "socat",
    "sudo",
    "systemd",
    "systemd-sysv",
    "udev",
)

# Every file of the image gets this time at the latest (2026-01-01), so that two builds are alike.
EPOCH = 1767225600

# What a machine on its own hardware would do and a machine on a shared kernel must not: open the
# host's terminals, announce the host's devices, look for updates without a way to them.
MASKED_UNITS = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "e2scrub_all.timer",
    "getty-static.service",
    "getty@.service",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-udev-settle.service",
    "systemd-udev-trigger.service",
)

UNITS = "etc/systemd/system"

SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
"""

# Where systemd is not the first to mount /, / stays private, and kubelet's mounts would not be seen.
SHARED_ROOT = """\
[Unit]
Description=Share mounts below / as on a machine that boots from its own disk
DefaultDependencies=no
Before=local-fs-pre.target
Wants=local-fs-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mount --make-rshared /

[Install]
WantedBy=sysinit.target
"""

HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
"""

# Runs in the image's root directory ($1) after the packages are there.
FINISH = """\
set -eu
chroot "$1" useradd --create-home --shell /bin/bash --gid operator --uid 1000 --password '*' operator
rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/etc/apt/apt.conf.d/99mmdebstrap
rm -rf "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$1"/etc/ssh/ssh_host_* "$1"/etc/motd "$1"/etc/hostname
rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/cache/ldconfig/aux-cache
rm -rf "$1"/etc/*- "$1"/var/lib/dpkg/*-old "$1"/var/cache/debconf/*-old "$1"/var/lib/systemd/catalog/database
find "$1"/var/log -type f -delete
mkdir -p "$1"/usr/lib/modules
: > "$1"/etc/machine-id
: > "$1"/etc/resolv.conf
"""

# Manuals are never read in a lab; they are a third of the image.
LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/info/*", "/usr/share/lintian/*")


class ImageError(RuntimeError):
    """The image could not be made; the text says why."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is in the image."""

    suite: str = SUITE
    architecture: str = "amd64"
    packages: tuple[str, ...] = PACKAGES

    @property
    def files(self) -> dict[str, tuple[int, str]]:
        """Mode and content of each file that is added; content starting with ``->`` is a link's target."""
        added = {
            "etc/hosts": (0o644, HOSTS),
            "etc/ssh/sshd_config.d/10-lab.conf": (0o644, SSHD),
            "etc/sudoers.d/operator": (0o440, "operator ALL=(ALL:ALL) NOPASSWD: ALL\n"),
            f"{UNITS}/shared-root.service": (0o644, SHARED_ROOT),
            f"{UNITS}/sysinit.target.wants/shared-root.service": (0o777, "->../shared-root.service"),
            # kernel.pid_max belongs to the host.
            "etc/sysctl.d/50-pid-max.conf": (0o777, "->/dev/null"),
        }
        for unit in MASKED_UNITS:
            added[f"{UNITS}/{unit}"] = (0o777, "->/dev/null")
        return added

    @property
    def key(self) -> str:
        """Name of this recipe's result: 16 hexadecimal digits."""
        parts = [self.suite, self.architecture, *self.packages, *LEFT_OUT, FINISH, str(EPOCH)]
        parts += [f"{path} {mode:o} {content}" for path, (mode, content) in sorted(self.files.items())]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def tag(self) -> str:
        """The image's name in podman."""
        return f"{REPOSITORY}:{self.key}"

    def files_archive(self) -> bytes:
        """Return the added files as a tar archive."""
        return archive(self.files)


def archive(files: dict[str, tuple[int, str]], owners: dict[str, tuple[int, int]] | None = None) -> bytes:
    """Return a tar archive of files by path: mode and content; content starting with ``->`` is a link.

    :param owners: user and group number of the paths that do not belong to root
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, (mode, content) in sorted(files.items()):
            member = tarfile.TarInfo(path)
            member.mode, member.mtime = mode, EPOCH
            member.uid, member.gid = (owners or {}).get(path, (0, 0))
            if content.startswith("->"):
                member.type, member.linkname = tarfile.SYMTYPE, content[2:]
                tar.addfile(member)
            elif path.endswith("/"):
                member.type = tarfile.DIRTYPE
                tar.addfile(member)
            else:
                data = content.encode()
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def host_architecture() -> str:
    """Return Debian's name of this host's architecture."""
    return output("dpkg", "--print-architecture").strip()


def build(recipe: Recipe, directory: Path) -> Path:
    """Make the image's archive below `directory`, or find it there; return its path.

    :raises ImageError: with mmdebstrap's last lines
    """
    result = archive_path(recipe, directory)
    if result.exists():
        return result
    make_directory(result.parent)
    for old in result.parent.glob("building-*"):
        shutil.rmtree(old)
    with tempfile.TemporaryDirectory(prefix="building-", dir=result.parent) as name:
        work = Path(name)
        files, made = work / "files.tar", work / "image.tar"
        files.write_bytes(recipe.files_archive())
        finished = run(
            *mmdebstrap_command(recipe, files, made, host_apt_options()),
            stdin=host_sources(recipe.suite).encode(),
            variables={"SOURCE_DATE_EPOCH": str(EPOCH), "TMPDIR": str(work)},
        )
        if finished.returncode:
            lines = finished.stderr.decode(errors="replace").strip().splitlines()[-15:]
            raise ImageError("mmdebstrap failed:\n" + "\n".join(lines))
        (work / "image.tar.packages").replace(packages_path(recipe, directory))
        made.replace(result)
    owner = directory.stat()
    for path in (result, packages_path(recipe, directory)):
        os.chown(path, owner.st_uid, owner.st_gid)
    return result


def archive_path(recipe: Recipe, directory: Path) -> Path:
    """Return where the image's archive is kept."""
    return directory / recipe.key / "machine.tar"


def packages_path(recipe: Recipe, directory: Path) -> Path:
    """Return where the list of the image's packages is kept: a line ``name=version`` for each."""
    return directory / recipe.key / "packages.txt"


def mmdebstrap_command(recipe: Recipe, files: Path, result: Path, apt_options: Sequence[str]) -> list[str]:
    """Return the command that makes the image; it reads the Debian sources from its standard input."""
    query = "dpkg-query --root=\"$1\" --show --showformat='${Package}=${Version}\\n'"
    command = [
        "mmdebstrap",
        "--variant=minbase",
        "--mode=root",
        "--format=tar",
        f"--architectures={recipe.architecture}",
        f"--include={','.join(recipe.packages)}",
        f"--customize-hook=tar-in {files} /",
        f"--customize-hook={FINISH}",
        f"--customize-hook={query} > {result}.packages",
    ]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    command += [f"--aptopt={option}" for option in apt_options]
    return [*command, recipe.suite, str(result), "-"]


def host_sources(suite: str) -> str:
    """Return the host's own Debian sources of a suite.

    :raises ImageError: the host has none.
    """
    line = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    return sources(output("apt-get", "indextargets", "--format", line, "Created-By: Packages"), suite)


def sources(targets: str, suite: str) -> str:
    """Render apt sources from lines ``uri|release|component``; only `suite`, its updates and its security."""
    names = (suite, f"{suite}-updates", f"{suite}-security")
    lines = []
    for line in targets.splitlines():
        uri, release, component = [*line.split("|"), "", ""][:3]
        if release in names and component == "main":
            lines.append(f"deb {uri} {release} {component}")
    if not lines:
        raise ImageError(
            f"this host's apt knows no source of Debian {suite}, component main, to make the machines of;"
            " add one to /etc/apt/sources.list.d; nothing was changed"
        )
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def host_apt_options() -> list[str]:
    """Return the host's apt settings that decide how its mirror is reached and believed."""
    return apt_options(output("apt-config", "dump"))


def apt_options(dump: str) -> list[str]:
    """Pick the settings from what `apt-config dump` prints."""
    wanted = r'^Acquire::(?:https?::[^ ]*|Check-Valid-Until|Check-Date|Retries) ".+";$'
    found = re.findall(wanted, dump, re.MULTILINE | re.IGNORECASE)
    return [line.rstrip(";") for line in dict.fromkeys(found)]


def make_directory(path: Path) -> None:
    """Make a directory and those above it; they belong to the owner of what was there before.

    This runs as root in the cache of somebody else.
    """
    missing = [folder for folder in [path, *path.parents] if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir()
        owner = folder.parent.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
