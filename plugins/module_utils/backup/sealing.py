# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Encryption with age: to public keys on the way out, with the identity on the way back."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .errors import BackupError
from .programs import PATIENCE, Programs, last_words, secret_file, surroundings
from .store import PIECE, Sent, Store

RECIPIENT = re.compile(r"age1[a-z0-9]{58}|age1pq1[a-z0-9]{1000,3000}")
"""A public key of age: X25519, or X25519 with ML-KEM."""


def send(programs: Programs, recipients: Sequence[str], file: Path, store: Store, path: str) -> Sent:
    """Encrypt a file into an object. Nothing but what age made leaves the machine."""
    if not recipients:
        raise BackupError("no recipient is given: nothing leaves a machine that is not encrypted")
    keys = [argument for key in recipients for argument in ("--recipient", key)]
    sent = Sent()
    with store.writing(path) as sink:
        age = subprocess.Popen(
            [programs.path("age"), "--encrypt", *keys, str(file)],
            env=surroundings(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            if age.stdout is None or sink.stdin is None:
                raise TypeError("a pipe is missing")
            while piece := age.stdout.read(PIECE):
                sent.digest.update(piece)
                sent.size += len(piece)
                sink.stdin.write(piece)
            said = age.communicate()[1]
        finally:
            age.kill()
            age.communicate()
        if age.returncode:
            raise BackupError(f"age could not encrypt {file}: {last_words(said)}")
    return sent


def unseal(programs: Programs, identity: str, sealed: Path, plain: Path) -> None:
    """Decrypt a file. age finds every altered byte and a missing end."""
    if not identity.strip():
        raise BackupError("there is no identity to decrypt with: backup_identity, from the vault")
    with secret_file(identity.strip() + "\n") as descriptor:
        try:
            done = subprocess.run(
                [
                    programs.path("age"),
                    "--decrypt",
                    "--identity",
                    f"/dev/fd/{descriptor}",
                    "--output",
                    str(plain),
                    str(sealed),
                ],
                env=surroundings(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                pass_fds=(descriptor,),
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BackupError(f"age did not decrypt {sealed.name} in {PATIENCE:.0f} s") from error
    if done.returncode:
        plain.unlink(missing_ok=True)
        raise BackupError(f"{sealed.name} cannot be decrypted: {last_words(done.stderr)}")


def sha256_of(file: Path) -> str:
    """SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
