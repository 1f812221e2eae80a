"""Whether the service has started, and whether what it depends on answers."""

from __future__ import annotations

import asyncio
import time

# Seconds, less than the probe's own limit (Kubernetes' default is 1), so that an answer says what is missing.
CONNECT_SECONDS = 0.7


class Readiness:
    """The state behind /health/startup and /health/ready."""

    def __init__(self, start_seconds: float, fail: bool, dependencies: tuple[str, ...]) -> None:
        self._started_at = time.monotonic() + start_seconds
        self._fail = fail
        self._dependencies = dependencies
        self.stopping = False

    @property
    def started(self) -> bool:
        """Whether start-up is over."""
        return time.monotonic() >= self._started_at

    async def checks(self) -> dict[str, bool]:
        """Try every dependency at once and say which of them take a connection."""
        answers = await asyncio.gather(*(takes_connections(entry) for entry in self._dependencies))
        return dict(zip(self._dependencies, answers, strict=True))

    async def ready(self) -> tuple[bool, dict[str, bool]]:
        """Whether requests are welcome, and the checks that say why."""
        checks = await self.checks()
        wanted = self.started and not self._fail and not self.stopping
        return wanted and all(checks.values()), checks


async def takes_connections(address: str) -> bool:
    """Whether ``host:port`` accepts a TCP connection within the limit."""
    host, _colon, port = address.rpartition(":")
    try:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), CONNECT_SECONDS)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
