# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What MySQL keeps of a password (caching_sha2_password): SHA-crypt of many rounds with a salt of 20 bytes.

The scheme is "Unix crypt using SHA-256"; its text is in the public domain.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

THOUSANDS = 10
"""Rounds, in thousands; those that a server of today takes by itself."""
SALT = 20
HEAD = 7
"""Bytes of the scheme with its rounds: ``$A$00A$``."""
ALPHABET = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def hashed(password: str, salt: bytes = b"", thousands: int = THOUSANDS) -> bytes:
    """What the server keeps."""
    salt = salt or bytes(secrets.choice(ALPHABET) for _number in range(SALT))
    return b"$A$%03X$" % thousands + salt + _crypt(password.encode(), salt, thousands * 1000)


def fits(password: str, kept: bytes) -> bool:
    """Whether what is kept was made from a password."""
    scheme, salt = kept[:HEAD], kept[HEAD : HEAD + SALT]
    if not (scheme.startswith(b"$A$") and scheme.endswith(b"$") and len(salt) == SALT):
        return False
    try:
        return hmac.compare_digest(hashed(password, salt, int(scheme[3:6], 16)), kept)
    except ValueError:
        return False


def _crypt(password: bytes, salt: bytes, rounds: int) -> bytes:
    size = len(password)
    mixed = hashlib.sha256(password + salt + password).digest()
    first = hashlib.sha256(password + salt + _repeated(mixed, size))
    bits = size
    while bits:
        first.update(mixed if bits & 1 else password)
        bits >>= 1
    current = first.digest()
    p = _repeated(hashlib.sha256(password * size).digest(), size)
    s = _repeated(hashlib.sha256(salt * (16 + current[0])).digest(), len(salt))
    for number in range(rounds):
        text = p if number & 1 else current
        if number % 3:
            text += s
        if number % 7:
            text += p
        text += current if number & 1 else p
        current = hashlib.sha256(text).digest()
    return _letters(current)


def _repeated(block: bytes, size: int) -> bytes:
    return (block * (size // len(block) + 1))[:size]


def _letters(digest: bytes) -> bytes:
    """Three bytes as four letters, in the order of the scheme."""
    letters = bytearray()
    a, b, c = 0, 10, 20
    for _number in range(10):
        letters += _group(digest[a], digest[b], digest[c], 4)
        a, b, c = c + 1, a + 1, b + 1
    return bytes(letters + _group(0, digest[31], digest[30], 3))


def _group(high: int, middle: int, low: int, count: int) -> bytes:
    value = high << 16 | middle << 8 | low
    return bytes(ALPHABET[value >> 6 * place & 63] for place in range(count))
