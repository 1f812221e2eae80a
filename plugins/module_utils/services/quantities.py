# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""CPU and memory as Kubernetes writes them."""

from __future__ import annotations

import re
from decimal import Decimal

_NUMBER = re.compile(r"^(\d+(?:\.\d+)?)([A-Za-z]*)$")
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
_DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}


def millicores(value: str | int | float) -> int:
    """Read an amount of CPU.

    :param value: cores (``2``, ``0.5``) or thousandths of one (``250m``).
    :returns: thousandths of a core.
    :raises ValueError: it is no amount of CPU, or finer than a thousandth.
    """
    match = _NUMBER.match(str(value))
    if match is None or match.group(2) not in ("", "m"):
        raise ValueError(f"{value!r} is no amount of CPU, expected cores (2, 0.5) or thousandths (250m)")
    amount = Decimal(match.group(1)) * (1 if match.group(2) else 1000)
    if amount != int(amount):
        raise ValueError(f"{value!r} is finer than a thousandth of a core")
    return int(amount)


def cpu_text(amount: int) -> str:
    """Write thousandths of a core as the API server does: ``1``, ``250m``."""
    return str(amount // 1000) if amount % 1000 == 0 else f"{amount}m"


def byte_count(value: str | int) -> int:
    """Read an amount of memory or storage.

    :param value: bytes, or a number with a unit (``512Mi``, ``1.5Gi``, ``100M``).
    :returns: bytes.
    :raises ValueError: it is no amount of memory.
    """
    match = _NUMBER.match(str(value))
    unit = None if match is None else {**_BINARY, **_DECIMAL}.get(match.group(2))
    if match is None or unit is None:
        raise ValueError(f"{value!r} is no amount of memory, expected a number and a unit (512Mi, 1Gi)")
    return int(Decimal(match.group(1)) * unit)


def memory_text(amount: int) -> str:
    """Write bytes in the largest binary unit that loses nothing: ``1Gi``, ``1536Mi``."""
    for unit, size in reversed(_BINARY.items()):
        if amount and amount % size == 0:
            return f"{amount // size}{unit}"
    return str(amount)
