# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What this host is and lets a lab do: looked up, never assumed."""

from __future__ import annotations

import re
import resource
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .process import output, path

GIB = 1024**3

# What a lab calls. Debian's package name where it is not the same.
PROGRAMS = {
    "podman": "podman",
    "conmon": "conmon",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "iptables": "iptables",
    "ssh-keygen": "openssh-client",
}
# Where podman looks for its helpers.
HELPERS = ("/usr/local/libexec/podman", "/usr/local/lib/podman", "/usr/libexec/podman", "/usr/lib/podman")
OLDEST_PODMAN = (4, 0)

# Numbers of the whole host that many machines share, with the least that twelve nodes want: about
# a dozen inotify instances and 300 threads a machine. They are raised, never lowered.
KERNEL_MINIMUMS = {
    "fs.inotify.max_user_instances": 2048,
    "fs.inotify.max_user_watches": 131072,
    "kernel.pid_max": 131072,
}

# Linux's default for the highest open file limit (fs.nr_open) and more processes than any machine has.
MOST_FILES = 1048576
MOST_PROCESSES = 1048576
CAP_SYS_RESOURCE = 24


@dataclass(frozen=True)
class Host:
    """This host, as far as a lab needs to know it.

    `cgroup_version` is 1 (hybrid counts as 1) or 2. `file_limit` and `process_limit` are the most
    that a machine may be given. `kernel` holds the sysctls of `KERNEL_MINIMUMS` as found.
    """

    cgroup_version: int
    systemd: bool
    file_limit: int
    process_limit: int
    missing_programs: tuple[str, ...]
    runtimes: tuple[str, ...]
    podman_version: tuple[int, ...]
    kernel_modules: bool
    kernel: Mapping[str, int]

    @property
    def runtime(self) -> str:
        """OCI runtime: runc everywhere; crun only where there is no other, for it refuses cgroup v1."""
        return "runc" if "runc" in self.runtimes else "crun"

    @property
    def cgroup_manager(self) -> str:
        """systemd hands out cgroups on version 2, where it owns the tree; elsewhere the plain files."""
        return "systemd" if self.systemd and self.cgroup_version == 2 else "cgroupfs"

    def problems(self) -> list[str]:
        """Return everything that keeps a lab from running here, each with its remedy."""
        found = [f"{name} is not installed" for name in self.missing_programs]
        if not self.runtimes:
            found.append("no OCI runtime is installed: expected runc")
        elif self.runtime == "crun" and self.cgroup_version == 1:
            found.append("cgroup version 1 needs runc, only crun is installed")
        if self.podman_version and self.podman_version < OLDEST_PODMAN:
            have, want = (".".join(map(str, version)) for version in (self.podman_version, OLDEST_PODMAN))
            found.append(f"podman {have} is too old: expected {want} or newer")
        return found

    def kernel_changes(self) -> dict[str, int]:
        """Return the sysctls that are below what a lab needs, with the value that they must get."""
        return {
            name: least
            for name, least in KERNEL_MINIMUMS.items()
            if 0 <= self.kernel.get(name, least) < least
        }


def detect() -> Host:
    """Look at this host."""
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program, path=path())]
    if not any(Path(folder, "netavark").exists() for folder in HELPERS):
        missing.append("netavark")
    raise_limits = _has_capability(CAP_SYS_RESOURCE)
    return Host(
        cgroup_version=2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1,
        systemd=Path("/run/systemd/system").is_dir(),
        file_limit=_limit(resource.RLIMIT_NOFILE, raise_limits, MOST_FILES),
        process_limit=_limit(resource.RLIMIT_NPROC, raise_limits, MOST_PROCESSES),
        missing_programs=tuple(missing),
        runtimes=tuple(name for name in ("runc", "crun") if shutil.which(name, path=path())),
        podman_version=_podman_version(),
        kernel_modules=any(Path("/lib/modules").glob("*")),
        kernel={name: value for name in KERNEL_MINIMUMS if (value := read_sysctl(name)) is not None},
    )


def read_sysctl(name: str) -> int | None:
    """Return the value of a sysctl, or None where the kernel does not have it."""
    try:
        return int(_sysctl_path(name).read_text())
    except (OSError, ValueError):
        return None


def write_sysctl(name: str, value: int) -> None:
    """Set a sysctl until the host is started anew. Raises OSError."""
    _sysctl_path(name).write_text(f"{value}\n")


def available_memory() -> int:
    """Return the bytes that new processes can have without swapping."""
    text = Path("/proc/meminfo").read_text()
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(match.group(1)) * 1024 if match else 0


def available_disk(path: Path) -> int:
    """Return the free bytes of the file system that `path` is on, or will be on."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def host_networks() -> dict[str, str]:
    """Return the IPv4 networks that this host has a route to, each with its interface; no default route."""
    found = {}
    for line in output("ip", "-4", "route", "show", "table", "main").splitlines():
        words = line.split()
        if words and "dev" in words and re.fullmatch(r"[\d.]+(/\d+)?", words[0]):
            found[words[0]] = words[words.index("dev") + 1]
    return found


def _sysctl_path(name: str) -> Path:
    return Path("/proc/sys") / name.replace(".", "/")


def _has_capability(number: int) -> bool:
    match = re.search(r"^CapEff:\s+([0-9a-f]+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    return bool(match and int(match.group(1), 16) >> number & 1)


def _limit(kind: int, can_raise: bool, most: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return most if can_raise or hard == resource.RLIM_INFINITY else min(hard, most)


def _podman_version() -> tuple[int, ...]:
    program = shutil.which("podman", path=path())
    if not program:
        return ()
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", output(program, "--version"))
    return tuple(int(part) for part in match.groups() if part) if match else ()
