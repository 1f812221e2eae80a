# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kernel modules, sysctl values and swap of a machine: what is, and what text belongs in its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MANAGED = "# Managed by nilecare.platform; a change here is undone by the next run.\n"


@dataclass(frozen=True)
class Root:
    """Where the machine's file systems are; tests put a folder in place of /."""

    path: Path = Path("/")

    def __truediv__(self, other: str) -> Path:
        return self.path / other


def modules_text(modules: list[str]) -> str:
    """Return the file for /etc/modules-load.d."""
    return MANAGED + "".join(f"{name}\n" for name in modules)


def sysctl_text(values: dict[str, str]) -> str:
    """Return the file for /etc/sysctl.d, keys in the given order."""
    return MANAGED + "".join(f"{key} = {value}\n" for key, value in values.items())


def missing_modules(root: Root, release: str, modules: list[str]) -> list[str]:
    """Return the modules that are neither loaded nor built into the kernel."""
    builtin_list = root / f"lib/modules/{release}/modules.builtin"
    builtin = set()
    if builtin_list.exists():
        builtin = {Path(line).stem.replace("-", "_") for line in builtin_list.read_text().splitlines()}
    return [
        name
        for name in modules
        if not (root / f"sys/module/{name.replace('-', '_')}").exists()
        and name.replace("-", "_") not in builtin
    ]


def sysctl_path(root: Root, key: str) -> Path:
    """Return the file of a key. As for sysctl, a key with a slash may hold dots in its parts."""
    return root / f"proc/sys/{key if '/' in key else key.replace('.', '/')}"


def normalised(value: str) -> str:
    """Return a value with its blanks as the kernel may print them made equal."""
    return " ".join(value.split())


def wrong_sysctl(root: Root, values: dict[str, str]) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Return key → (value now, value wished) of what differs, and the keys this kernel lacks."""
    wrong = {}
    unknown = []
    for key, value in values.items():
        path = sysctl_path(root, key)
        if not path.exists():
            unknown.append(key)
            continue
        now = normalised(path.read_text())
        if now != normalised(value):
            wrong[key] = (now, normalised(value))
    return wrong, unknown


def active_swaps(proc_swaps: str) -> list[str]:
    """Return the devices and files of /proc/swaps; blanks in names are unescaped."""
    return [line.split()[0].replace(r"\040", " ") for line in proc_swaps.splitlines()[1:] if line.strip()]


def fstab_without_swap(fstab: str) -> str:
    """Return fstab with its swap lines made comments; all else stays byte by byte."""
    lines = []
    for line in fstab.splitlines(keepends=True):
        fields = line.split()
        is_swap = len(fields) >= 3 and not line.lstrip().startswith("#") and fields[2] == "swap"
        lines.append(f"# swap is off (nilecare.platform): {line}" if is_swap else line)
    return "".join(lines)
