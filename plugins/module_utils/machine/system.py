# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a machine is: operating system, size, identity. Reads files only; standard library, Python 3.9+."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
from pathlib import Path

FAMILIES = {"debian": "Debian", "ubuntu": "Debian"}
"""ID of os-release → Ansible's os_family."""

NAMES = {"debian": "Debian", "ubuntu": "Ubuntu"}
"""ID of os-release → Ansible's distribution."""


def read_text(path: Path) -> str:
    """The text of a file, "" when it is not there or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def parse_os_release(text: str) -> dict[str, str]:
    """The assignments of an os-release file (man 5 os-release), quotes removed."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            values[name] = "".join(shlex.split(value)[:1])
    return values


def parse_memory(text: str) -> int:
    """MemTotal of /proc/meminfo in MiB."""
    for line in text.splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0


def free_disk(path: Path) -> float:
    """GiB free for unprivileged users on the file system that holds (or would hold) a path."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free / 2**30


def describe(root: Path, disk_path: str) -> dict[str, object]:
    """Facts about the machine whose file system begins at root (/ but for tests)."""
    release = parse_os_release(read_text(root / "etc/os-release"))
    return {
        "distribution": release.get("ID", "unknown"),
        "version": release.get("VERSION_ID", ""),
        "codename": release.get("VERSION_CODENAME", ""),
        "architecture": platform.machine(),
        "machine_id": read_text(root / "etc/machine-id").strip(),
        "memory": parse_memory(read_text(root / "proc/meminfo")),
        "cpus": len(os.sched_getaffinity(0)),
        "disk_path": disk_path,
        "disk_free": round(free_disk(root / disk_path.lstrip("/")), 1),
    }


def usual_facts(facts: dict[str, object], host_name: str) -> dict[str, object]:
    """The same under the names that Ansible's own setup uses, so that later plays need not gather facts."""
    distribution = str(facts["distribution"])
    version = str(facts["version"])
    return {
        "distribution": NAMES.get(distribution, distribution),
        "distribution_version": version,
        "distribution_major_version": version.partition(".")[0],
        "distribution_release": facts["codename"],
        "os_family": FAMILIES.get(distribution, distribution),
        "architecture": facts["architecture"],
        "hostname": host_name.partition(".")[0],
        "memtotal_mb": facts["memory"],
        "processor_vcpus": facts["cpus"],
        "service_mgr": "systemd",
        "pkg_mgr": "apt",
    }
