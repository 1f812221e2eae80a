"""The arithmetic of SNTP, and a real exchange with a server whose clock is wrong."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.health import sntp
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_795_860_000.0


def answer(stamp: bytes, moment: float, leap: int = 0, stratum: int = 3) -> bytes:
    head = struct.pack("!BBBb", leap << 6 | 0x24, stratum, 0, -20)
    return head + bytes(20) + stamp + sntp._stamp(moment) * 2


@given(st.floats(-3600, 3600), st.floats(0, 5))
def test_a_symmetric_way_gives_the_exact_offset(off: float, delay: float) -> None:
    stamp = sntp._stamp(NOW)
    found_delay, found = sntp.evaluate(answer(stamp, NOW + delay / 2 + off), stamp, NOW, NOW + delay)
    assert found == pytest.approx(off, abs=1e-5)
    assert found_delay == pytest.approx(delay, abs=1e-5)


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (answer(bytes(8), NOW), "not one to our question"),
        (answer(sntp._stamp(NOW), NOW)[:47], "not one to our question"),
        (answer(sntp._stamp(NOW), NOW, leap=3), "not set"),
        (answer(sntp._stamp(NOW), NOW, stratum=0), "not set"),
    ],
)
def test_a_useless_answer_is_refused(packet: bytes, said: str) -> None:
    with pytest.raises(OSError, match=said):
        sntp.evaluate(packet, sntp._stamp(NOW), NOW, NOW)


def test_a_server_that_is_wrong_by_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        monkeypatch.setattr(sntp, "PORT", server.getsockname()[1])

        def serve() -> None:
            for _request in range(2):
                request, address = server.recvfrom(512)
                server.sendto(answer(request[40:48], time.time() + 5), address)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert sntp.offset("127.0.0.1", timeout=2) == pytest.approx(5, abs=0.5)


def test_no_server_is_an_error_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        monkeypatch.setattr(sntp, "PORT", silent.getsockname()[1])
        with pytest.raises(OSError, match="gives no time on UDP port"):
            sntp.offset("127.0.0.1", timeout=0.2)
