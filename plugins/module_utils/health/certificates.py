# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads until when a certificate is valid, with the standard library alone: a machine has nothing else."""

from __future__ import annotations

import base64
import datetime
import re
import typing as t

UTC = datetime.timezone.utc  # noqa: UP017, machines may have Python 3.10, which has no datetime.UTC

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s*(.+?)-----END CERTIFICATE-----", re.DOTALL)
_IN_KUBECONFIG = re.compile(rb"client-certificate-data:\s*(\S+)")


class CertificateError(ValueError):
    """There is no certificate in what was read, or it cannot be understood."""


def expiry(content: bytes) -> datetime.datetime:
    """Return the end of validity (UTC) of the first certificate in a PEM file or a kubeconfig."""
    embedded = _IN_KUBECONFIG.search(content)
    if embedded:
        content = base64.b64decode(embedded.group(1))
    found = _PEM.search(content)
    if not found:
        raise CertificateError("it holds no certificate in PEM form")
    return expiry_of_der(base64.b64decode(found.group(1)))


def expiry_of_der(der: bytes) -> datetime.datetime:
    """Return the end of validity (UTC) of a certificate in DER form (RFC 5280, section 4.1)."""
    try:
        certificate = _children(_value(der))
        fields = _children(certificate[0][1])
        if fields[0][0] == 0xA0:  # the version may be left out
            fields = fields[1:]
        validity = _children(fields[3][1])  # after serial number, signature algorithm, issuer
        return _time(*validity[1])
    except (IndexError, ValueError) as error:
        raise CertificateError("its certificate cannot be read") from error


def days_left(end: datetime.datetime, now: datetime.datetime | None = None) -> float:
    """Return the days from now to ``end``; negative when it has passed."""
    now = now or datetime.datetime.now(UTC)
    return round((end - now).total_seconds() / 86400, 1)


def _element(data: bytes, start: int) -> tuple[int, bytes, int]:
    """Return tag, content and end of the DER element that begins at ``start``."""
    tag, length, start = data[start], data[start + 1], start + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    if start + length > len(data):
        raise ValueError("truncated")
    return tag, data[start : start + length], start + length


def _value(data: bytes) -> bytes:
    return _element(data, 0)[1]


def _children(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    position = 0
    while position < len(data):
        tag, content, position = _element(data, position)
        found.append((tag, content))
    return found


def _time(tag: int, content: bytes) -> datetime.datetime:
    text = content.decode("ascii")
    if tag == 0x17:  # UTCTime: two digits, 50 and above are of the last century
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    moment: t.Any = datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ")
    return t.cast(datetime.datetime, moment.replace(tzinfo=UTC))
