# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A restored snapshot that is started: etcd of its own, on sockets in a folder that only the owner enters."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .errors import BackupError
from .etcd import Access, Member
from .programs import Programs, last_words, surroundings

START = 120.0
"""Seconds until it must answer."""


def restore(programs: Programs, snapshot: Path, data: Path) -> None:
    """Make a data directory of one member from a snapshot. It compares the snapshot's own checksum."""
    programs.run(
        "etcdutl",
        "snapshot",
        "restore",
        str(snapshot),
        f"--data-dir={data}",
        "--name=trial",
        "--initial-cluster=trial=http://127.0.0.1:1",
        "--initial-advertise-peer-urls=http://127.0.0.1:1",
    )


@contextlib.contextmanager
def started(programs: Programs, data: Path, seconds: float = START) -> Iterator[Member]:
    """etcd from a data directory, while it runs. Nothing but this user reaches it: it has no port."""
    home = data.parent
    # etcd takes host and port of such a URL for the socket's path, from its working directory.
    clients, peers = "unix://clients:1", "unix://peers:1"
    with (home / "etcd.log").open("wb") as log:
        process = subprocess.Popen(
            [
                programs.path("etcd"),
                "--name=trial",
                f"--data-dir={data}",
                f"--listen-client-urls={clients}",
                f"--advertise-client-urls={clients}",
                f"--listen-peer-urls={peers}",
                "--logger=zap",
                "--log-level=warn",
                "--unsafe-no-fsync",
            ],
            cwd=home,
            env=surroundings(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        # A socket's path has at most 107 characters; that of the folder itself may be longer.
        member = Member(programs, Access(f"unix:///proc/{process.pid}/cwd/clients:1"), patience=30)
        deadline = time.monotonic() + seconds
        while True:
            try:
                member.count()
                break
            except BackupError as error:
                if process.poll() is not None:
                    said = last_words((home / "etcd.log").read_bytes())
                    raise BackupError(f"the restored etcd ended: {said}") from error
                if time.monotonic() > deadline:
                    raise BackupError(
                        f"the restored etcd does not answer after {seconds:.0f} s: {error}"
                    ) from error
                time.sleep(0.2)
        yield member
    finally:
        process.kill()
        process.wait(timeout=30)
