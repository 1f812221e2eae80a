# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""dpkg's answers: only a completely installed package counts."""

from __future__ import annotations

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.machines.packages import (
    Wanted,
    installed_version,
    parse_query,
    parse_wanted,
)

OUTPUT = (
    "chrony\tii \t4.3-2\nhaproxy\tiU \t2.6\nrsync\trc \t3.2\nkmod\thi \t30\n"
    "libc6\tii \t2.36\nlibc6\tun \t\nbroken\tiiR\t1\n"
)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("chrony", "4.3-2"),
        ("haproxy", None),
        ("rsync", None),
        ("kmod", "30"),
        ("libc6", "2.36"),
        ("broken", None),
        ("unknown", None),
    ],
)
def test_installed_version(name: str, version: str | None) -> None:
    assert installed_version(name, parse_query(OUTPUT)) == version


def test_wanted() -> None:
    assert parse_wanted("a") == Wanted("a")
    assert parse_wanted("a=1:2-3") == Wanted("a", "1:2-3")
    assert parse_wanted("a=1").argument == "a=1"
    for bad in ("", "=1", "a="):
        with pytest.raises(ValueError, match="name=version"):
            parse_wanted(bad)
