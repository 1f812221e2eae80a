# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names of locales as glibc's tools write them. Pure."""

from __future__ import annotations

import re


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


def with_locales(locale_gen: str, names: list[str]) -> str:
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
