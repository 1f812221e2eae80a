# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs kubeadm: one at a time on a machine, with a time limit, its secrets in files that do not stay."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

RUN_DIRECTORY = Path("/run/nilecare")
KUBEADM = "/usr/local/bin/kubeadm"

_TOKEN = re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b")
_KEY = re.compile(r"\b[0-9a-f]{64}\b")


class BusyError(Exception):
    """Another kubeadm, perhaps of a killed run, still works on this machine."""


class FailedError(Exception):
    """kubeadm ended with an error or ran out of time. The text holds its last lines, secrets masked."""


def mask(text: str) -> str:
    """``text`` without bootstrap tokens, certificate keys and hashes."""
    return _KEY.sub("********", _TOKEN.sub("********", text))


def tail(text: str, lines: int = 40) -> str:
    """The last ``lines`` of ``text``, masked."""
    return mask("\n".join(text.strip().splitlines()[-lines:]))


def wait_for_others(seconds: float, directory: Path = RUN_DIRECTORY) -> None:
    """Waits for a kubeadm that works on this machine, without leaving a trace where none ever did."""
    if (directory / "kubeadm.lock").exists():
        with lock(seconds, directory):
            pass


@contextlib.contextmanager
def lock(seconds: float, directory: Path = RUN_DIRECTORY) -> Iterator[int]:
    """Holds the machine's kubeadm lock; yields its descriptor, which children inherit.

    A child that outlives a killed run keeps the lock, so the next run waits for it to end.
    Raises BusyError after ``seconds``.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / "kubeadm.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= end:
                    raise BusyError(
                        f"another kubeadm has been running on this machine for {seconds:.0f} s"
                    ) from error
            time.sleep(0.5)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def secret_directory(directory: Path = RUN_DIRECTORY) -> Iterator[Path]:
    """A directory only root can read, in memory (/run), gone afterwards; remains of killed runs go first."""
    for left in directory.glob("kubeadm-*"):
        shutil.rmtree(left, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix="kubeadm-", dir=directory))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def write_documents(path: Path, documents: Sequence[Any]) -> None:
    """Writes ``documents`` as a 0600 YAML stream (JSON is YAML)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n---\n".join(json.dumps(document, indent=1) for document in documents) + "\n")


def run(command: Sequence[str], seconds: float, descriptor: int | None = None) -> str:
    """Output of ``command``. Raises FailedError on an error, or after ``seconds`` having ended it."""
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": "/root",
    }
    keep = () if descriptor is None else (descriptor,)
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        # A file and not a pipe: a kubeadm whose run was killed can go on writing and finish.
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=keep,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = None
        output.seek(0)
        text = output.read()
    what = " ".join(command[:2])
    if code is None:
        raise FailedError(f"{what} was ended after {seconds:.0f} s. Its last lines:\n{tail(text)}")
    if code:
        raise FailedError(f"{what} failed with code {code}. Its last lines:\n{tail(text)}")
    return text
