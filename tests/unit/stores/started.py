"""A script of a member, run with programs that say what they got."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 60  # seconds after which a test that waits for a line that never comes is ended


def as_a_member_starts() -> None:
    """A container hears every signal; whoever runs the tests may be deaf to one (nohup, to HUP)."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """The script while it runs; it and what it started are ended afterwards."""
    running = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=as_a_member_starts,
    )

    def end() -> None:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)

    timer = threading.Timer(PATIENCE, end)
    timer.start()
    try:
        yield running
    finally:
        timer.cancel()
        end()
        running.wait()
        if running.stdout is not None:
            running.stdout.close()


def line(running: subprocess.Popen[str]) -> str:
    """The next line that it prints; empty when it has ended."""
    if running.stdout is None:
        return ""
    return running.stdout.readline().strip()


def renew(path: Path, text: str) -> None:
    """A file with another content, at once, as the kubelet brings it."""
    partial = path.with_suffix(".new")
    partial.write_text(text)
    partial.replace(path)
