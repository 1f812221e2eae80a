# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kernel modules, sysctl values and swap of a machine, now and after a restart."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .files import Wish, apply_wishes
from .state import Change, Machine, StateError

SPEC = {
    "modules": {"type": "list", "elements": "str", "default": []},
    "sysctl": {"type": "dict", "default": {}},
    "swap": {"type": "bool", "default": True},
    "name": {"type": "str", "default": "90-nilecare"},
}

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


def file_wishes(name: str, modules: list[str], sysctl: dict[str, str], swap: bool) -> list[Wish]:
    """Return the files that keep the state over a restart."""
    wishes = [
        Wish(Path(f"/etc/modules-load.d/{name}.conf"), content=modules_text(modules), mode=0o644),
        Wish(Path(f"/etc/sysctl.d/{name}.conf"), content=sysctl_text(sysctl), mode=0o644),
    ]
    if not swap:
        wishes.append(Wish(Path("/etc/systemd/system/swap.target"), state="link", target="/dev/null"))
        fstab = Path("/etc/fstab")
        if fstab.exists():
            wishes.append(Wish(fstab, content=fstab_without_swap(fstab.read_text())))
    return wishes


def ensure(
    machine: Machine,
    modules: Sequence[str] = (),
    sysctl: Mapping[str, object] | None = None,
    swap: bool = True,
    name: str = "90-nilecare",
) -> Change:
    """Load modules, set values, and with swap=False switch all swap off. Failures are told together."""
    root = Root()
    values = {key: str(value) for key, value in (sysctl or {}).items()}
    change = apply_wishes(file_wishes(name, list(modules), values, swap), machine.check_mode)
    lines: list[str] = []
    problems: list[str] = []

    missing = missing_modules(root, os.uname().release, list(modules))
    for module in missing:
        lines.append(f"module {module}: not loaded -> loaded")
        if not machine.check_mode:
            answer = machine.run("modprobe", "--", module)
            if answer.code != 0:
                problems.append(f"module {module}: {answer.error.strip()}")

    wrong, unknown = wrong_sysctl(root, values)
    for key, (before, after) in wrong.items():
        lines.append(f"{key}: {before} -> {after}")
        if not machine.check_mode:
            try:
                sysctl_path(root, key).write_text(f"{after}\n")
            except OSError as error:
                problems.append(f"sysctl {key}: {error.strerror} (is {before}, {after} was expected)")
    if machine.check_mode and missing:
        # A module that is not loaded yet may bring the key.
        lines += [f"{key}: set once its module is loaded" for key in unknown]
    else:
        problems += [f"sysctl {key}: this kernel has no such key" for key in unknown]

    for device in [] if swap else active_swaps(Path("/proc/swaps").read_text()):
        lines.append(f"swap {device}: on -> off")
        if not machine.check_mode:
            answer = machine.run("swapoff", device)
            if answer.code != 0:
                problems.append(f"swap {device}: {answer.error.strip()}")
    change.add(*lines)
    if problems:
        raise StateError("; ".join(problems) + f"; changed: {', '.join(change.lines) or 'nothing'}")
    return change
