# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One etcd member, asked through its own client."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BackupError
from .programs import Programs

COUNT = re.compile(r'^"Count" : (\d+)$', re.MULTILINE)
""" "Count" in the client's output of fields; it counts in no other format."""


@dataclass(frozen=True)
class Access:
    """Where a member answers, and the client certificate for it (empty: without TLS)."""

    endpoint: str
    authority: str = ""
    certificate: str = ""
    key: str = ""

    @property
    def arguments(self) -> list[str]:
        """The client's arguments: paths, no secrets."""
        told = {"cacert": self.authority, "cert": self.certificate, "key": self.key}
        return [f"--endpoints={self.endpoint}", *(f"--{name}={path}" for name, path in told.items() if path)]


@dataclass(frozen=True)
class Status:
    """What a member says of itself."""

    cluster_id: str
    version: str
    revision: int


@dataclass(frozen=True)
class Saved:
    """What a snapshot's file says of itself."""

    revision: int
    hash: int


class Member:
    """A member that takes part in decisions, or has to prove that it does."""

    def __init__(self, programs: Programs, access: Access, patience: float = 60) -> None:
        self.programs = programs
        self.access = access
        self.patience = patience

    def _ask(self, *arguments: str, patience: float | None = None) -> bytes:
        options = [*self.access.arguments, f"--command-timeout={patience or self.patience:.0f}s"]
        seconds = (patience or self.patience) + 30
        return self.programs.run("etcdctl", *arguments, *options, patience=seconds)

    def _json(self, *arguments: str) -> Any:
        try:
            return json.loads(self._ask(*arguments, "--write-out=json"))
        except ValueError as error:
            raise BackupError(f"etcdctl {arguments[0]} said no JSON: {error}") from error

    def status(self) -> Status:
        """The member's state."""
        (found,) = self._json("endpoint", "status")
        status = found["Status"]
        header = status["header"]
        return Status(f"{header['cluster_id']:x}", status["version"], header["revision"])

    def check_quorum(self) -> None:
        """A member that was cut off has old data and no way to know: a read that asks the majority tells."""
        self._ask("get", "nilecare-backup", "--consistency=l", "--keys-only", patience=15)

    def count(self, revision: int = 0) -> int:
        """Number of keys, now or at a revision."""
        at = [f"--rev={revision}"] if revision else []
        said = self._ask("get", "", "--from-key", "--count-only", "--write-out=fields", *at).decode()
        found = COUNT.search(said)
        if not found:
            raise BackupError(f"etcdctl get said no count: {said[:200]!r}")
        return int(found[1])

    def save(self, file: Path, patience: float = 1800) -> None:
        """Save a snapshot into a file."""
        self._ask("snapshot", "save", str(file), patience=patience)


def saved(programs: Programs, file: Path) -> Saved:
    """What a snapshot holds. It reads the whole file, and fails for one that is broken."""
    try:
        status = json.loads(programs.run("etcdutl", "snapshot", "status", str(file), "--write-out=json"))
        return Saved(int(status["revision"]), int(status["hash"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{file.name} is no snapshot of etcd: {error}") from error
