# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pair of keys of backups: made once where none is given, and kept on the controller."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from .errors import BackupError
from .programs import Programs
from .sealing import RECIPIENT

STAND_IN = "age1" + "q" * 58
"""What stands for a public key that would be made, in check mode. Nobody has its identity."""


@dataclass(frozen=True)
class Keys:
    """Public keys that backups are encrypted to, and the identity (empty: it is kept elsewhere)."""

    recipients: tuple[str, ...]
    identity: str = field(default="", repr=False)


def identity_in(text: str) -> str:
    """The identities in a file of age-keygen, without its comments."""
    lines = [line.strip() for line in text.splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def recipient_of(programs: Programs, identity: str) -> tuple[str, ...]:
    """The public keys of identities."""
    said = programs.run("age-keygen", "-y", given=f"{identity}\n".encode()).decode().split()
    if not said:
        raise BackupError("the identity of backups has no public key: expected a line AGE-SECRET-KEY-1…")
    return tuple(said)


def check(recipients: tuple[str, ...]) -> None:
    """Refuse what is no public key."""
    for key in recipients:
        if not RECIPIENT.fullmatch(key):
            raise BackupError(f"{key[:20]}… in backup_recipients is no public key of age: expected age1…")


def make(programs: Programs, path: Path) -> str:
    """Make the identity's file, whole or not at all, and return its identity."""
    text = programs.run("age-keygen").decode()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    return identity_in(text)


def keep(
    programs: Programs, path: Path, recipients: tuple[str, ...], identity: str, check_mode: bool
) -> tuple[Keys, bool]:
    """The keys, and whether they were made now.

    What is given counts. Without recipients they are those of the identity, without an identity it is the
    file's.
    With recipients and without an identity nothing is made: whoever gave them keeps it.
    """
    check(recipients)
    identity = identity_in(identity)
    if not identity and path.exists():
        identity = identity_in(path.read_text())
    if not identity and not recipients:
        if check_mode:
            return Keys((STAND_IN,)), True
        identity = make(programs, path)
        return Keys(recipient_of(programs, identity), identity), True
    return Keys(recipients or recipient_of(programs, identity), identity), False
