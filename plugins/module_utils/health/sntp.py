# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks a time server for the time (SNTP, RFC 4330) and says how far this clock is off."""

from __future__ import annotations

import socket
import struct
import time

PORT = 123
_EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP counts from, to 1970."""


def offset(server: str, timeout: float = 3.0, tries: int = 2) -> float:
    """Return server time minus this clock, in seconds, by the try with the shortest way there and back.

    Raises OSError (with a sentence) where the server does not answer or has no time itself.
    """
    best: tuple[float, float] | None = None
    problem: Exception | None = None
    for _try in range(tries):
        try:
            delay, found = _ask(server, timeout)
        except OSError as error:
            problem = error
            continue
        if best is None or delay < best[0]:
            best = (delay, found)
    if best is None:
        raise OSError(f"{server} gives no time on UDP port {PORT}: {problem}")
    return best[1]


def _ask(server: str, timeout: float) -> tuple[float, float]:
    family, kind, protocol, _name, address = socket.getaddrinfo(server, PORT, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as connection:
        connection.settimeout(timeout)
        sent = time.time()
        request = bytearray(48)
        request[0] = 0x23  # version 4, client
        request[40:48] = _stamp(sent)
        connection.sendto(bytes(request), address)
        answer, _from = connection.recvfrom(512)
        arrived = time.time()
    return evaluate(answer, bytes(request[40:48]), sent, arrived)


def evaluate(answer: bytes, stamp: bytes, sent: float, arrived: float) -> tuple[float, float]:
    """Return delay and offset (seconds) from a server's answer; ``stamp`` is what the request carried."""
    if len(answer) < 48 or answer[24:32] != stamp:
        raise OSError("the answer is not one to our question")
    if answer[0] >> 6 == 3 or answer[1] == 0:
        raise OSError("the server says that its own clock is not set")
    received, replied = _moment(answer[32:40]), _moment(answer[40:48])
    delay = (arrived - sent) - (replied - received)
    return delay, ((received - sent) + (replied - arrived)) / 2


def _stamp(moment: float) -> bytes:
    whole = int(moment)
    return struct.pack("!II", (whole + _EPOCH) & 0xFFFFFFFF, int((moment - whole) * 2**32))


def _moment(stamp: bytes) -> float:
    seconds, fraction = struct.unpack("!II", stamp)
    return float(seconds - _EPOCH + fraction / 2**32)
