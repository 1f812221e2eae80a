# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A backup in a store: found by name or as the newest, fetched, compared with its record, decrypted."""

from __future__ import annotations

from pathlib import Path

from . import record, sealing
from .errors import BackupError
from .programs import Programs
from .record import Record
from .store import Store

NEWEST = "newest"


def find(store: Store, prefix: str, name: str = NEWEST) -> Record:
    """The record of a backup."""
    names = record.whole(store.sizes(prefix))
    if not names:
        raise BackupError(f"{store.target.name} has no whole backup below {prefix}")
    if name == NEWEST:
        name = names[-1]
    elif name not in names:
        raise BackupError(
            f"{store.target.name} has no whole backup {name}; "
            f"it has {len(names)} from {names[0]} to {names[-1]}"
        )
    return record.parse(store.read(f"{prefix}/{name}{record.RECORD}"), name)


def bring(store: Store, prefix: str, one: Record, identity: str, programs: Programs, home: Path) -> Path:
    """The snapshot in the clear, in a folder that only the owner reads."""
    sealed, plain = home / f"{one.name}{record.SEALED}", home / f"{one.name}.db"
    store.fetch(f"{prefix}/{one.name}{record.SEALED}", sealed)
    size, sha256 = sealed.stat().st_size, sealing.sha256_of(sealed)
    if size != one.size:
        raise BackupError(
            f"{one.name} has {size} bytes, its record says {one.size}: it was truncated or replaced"
        )
    if sha256 != one.sha256:
        raise BackupError(f"{one.name} has SHA-256 {sha256}, its record says {one.sha256}: it was altered")
    sealing.unseal(programs, identity, sealed, plain)
    sealed.unlink()
    if sealing.sha256_of(plain) != one.plain_sha256:
        raise BackupError(f"{one.name} holds another snapshot than its record says")
    return plain
