# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Locales of a Debian machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .files import Wish, apply_wishes
from .state import Change, Machine, StateError

LOCALE_GEN = Path("/etc/locale.gen")


def normalised(name: str) -> str:
    """Return a locale's name as `localedef --list-archive` prints it: ar_SD.UTF-8 → ar_SD.utf8."""
    language, dot, charset = name.partition(".")
    return language + dot + re.sub(r"[^A-Za-z0-9]", "", charset).lower()


def split(name: str) -> tuple[str, str]:
    """Return (source, character set) for localedef; raises ValueError when the name lacks one."""
    language, dot, charset = name.partition(".")
    if not (language and dot and charset):
        raise ValueError(f"{name!r} is not of the form language_COUNTRY.CHARSET, such as ar_SD.UTF-8")
    return language, charset


def with_locales(locale_gen: str, names: Sequence[str]) -> str:
    """Return the text of /etc/locale.gen with every name switched on.

    The file counts when Debian's locales package is upgraded: it generates what stands there anew.
    """
    lines = locale_gen.splitlines()
    for name in names:
        wished = f"{name} {split(name)[1]}"
        if wished in lines:
            continue
        commented = [
            index for index, line in enumerate(lines) if line.startswith("#") and line.lstrip("# ") == wished
        ]
        if commented:
            lines[commented[0]] = wished
        else:
            lines.append(wished)
    return "".join(f"{line}\n" for line in lines)


def ensure(machine: Machine, names: Sequence[str]) -> Change:
    """Generate the named locales that are missing."""
    try:
        text = with_locales(LOCALE_GEN.read_text() if LOCALE_GEN.exists() else "", names)
    except ValueError as error:
        raise StateError(f"locales: {error}; nothing was changed") from error
    change = apply_wishes([Wish(LOCALE_GEN, content=text, mode=0o644)], machine.check_mode)
    present = set(machine.run("localedef", "--list-archive").output.split())
    missing = [name for name in names if normalised(name) not in present]
    for name in [] if machine.check_mode else missing:
        source, charset = split(name)
        answer = machine.run("localedef", "-i", source, "-f", charset, name)
        if answer.code != 0:
            raise StateError(f"{name} was not generated: {answer.error.strip()} (is package locales there?)")
    change.add(*missing)
    return change
