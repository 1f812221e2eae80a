# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes a backup of etcd: snapshot, proof, encryption, objects, retention."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from . import record, sealing
from .errors import BackupError
from .etcd import Access, Member, saved
from .programs import Programs
from .record import Record
from .scratch import scratch
from .store import Sent, Store, Target

KIND = "etcd"
SETTINGS = Path("/etc/nilecare/backup/etcd.json")


@dataclass(frozen=True)
class Settings:
    """What a machine knows: written by the role, read by the timer and by module etcd_backup."""

    cluster: str
    host: str
    targets: tuple[Target, ...]
    recipients: tuple[str, ...]
    keep: int
    #: seconds; another control plane's backup that is younger than a part of it is enough
    interval: float
    access: Access
    programs: Path
    #: folder on a disk for the snapshot while it is sent; only root reads it
    scratch: Path

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Read them from the file's mapping."""
        return cls(
            cluster=values["cluster"],
            host=values["host"],
            targets=tuple(Target.of(entry) for entry in values["targets"]),
            recipients=tuple(values["recipients"]),
            keep=int(values["keep"]),
            interval=float(values["interval"]),
            access=Access(**values["access"]),
            programs=Path(values["programs"]),
            scratch=Path(values["scratch"]),
        )

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read the file."""
        try:
            return cls.of(json.loads(path.read_text()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackupError(f"{path} cannot be read: {error}") from error

    @property
    def prefix(self) -> str:
        """Where the objects lie."""
        return record.prefix(self.cluster, KIND)


def needed(settings: Settings, now: datetime) -> list[Target]:
    """Targets whose newest whole backup, whoever took it, is older than half an interval.

    A target that cannot be asked needs one too: the attempt says what is wrong with it.
    """
    wanting = []
    with scratch(settings.scratch) as home:
        for target in settings.targets:
            store = Store(target, Programs(settings.programs), home)
            try:
                names = record.whole(store.sizes(settings.prefix))
            except BackupError:
                names = []
            age = (now - record.taken_at(names[-1])).total_seconds() if names else settings.interval
            # From the future: a clock is wrong somewhere, and a backup too many is no harm.
            if not 0 <= age < settings.interval / 2:
                wanting.append(target)
    return wanting


def take(settings: Settings, now: datetime, targets: Sequence[Target] | None = None) -> list[Record]:
    """Take one snapshot and bring it to each target. All targets are tried before a failure is told."""
    programs = Programs(settings.programs)
    member = Member(programs, settings.access)
    records, problems = [], []
    with scratch(settings.scratch) as home:
        member.check_quorum()
        status = member.status()
        file = home / "snapshot.db"
        member.save(file)
        revision = saved(programs, file).revision
        # What the restored one must count as well.
        keys = member.count(revision)
        plain = sealing.sha256_of(file)
        for target in settings.targets if targets is None else targets:
            store = Store(target, programs, home)
            name = record.new_name(settings.host, now)
            path = f"{settings.prefix}/{name}"
            try:
                sent = sealing.send(programs, settings.recipients, file, store, path + record.SEALED)
                one = Record(
                    name=name,
                    kind=KIND,
                    cluster=settings.cluster,
                    cluster_id=status.cluster_id,
                    host=settings.host,
                    taken=now.isoformat(timespec="seconds"),
                    version=status.version,
                    revision=revision,
                    keys=keys,
                    plain_size=file.stat().st_size,
                    plain_sha256=plain,
                    size=sent.size,
                    sha256=sent.sha256,
                    recipients=settings.recipients,
                )
                _record(store, path, one, sent)
                retain(store, settings.prefix, settings.keep)
                records.append(one)
            except BackupError as error:
                problems.append(str(error))
    if problems:
        raise BackupError("; ".join(problems))
    return records


def _record(store: Store, path: str, one: Record, sent: Sent) -> None:
    """Write the record, once the store has all of what was sent."""
    folder, _slash, name = (path + record.SEALED).rpartition("/")
    there = store.sizes(folder).get(name)
    if there != sent.size:
        raise BackupError(f"{store.target.name} has {there} bytes of {name}, sent were {sent.size}")
    store.write(path + record.RECORD, one.as_json())


def retain(store: Store, prefix: str, keep: int) -> list[str]:
    """Remove what is more than is kept; returns the names of the objects."""
    leaving = record.surplus(store.sizes(prefix), keep)
    for entry in leaving:
        store.remove(f"{prefix}/{entry}")
    return leaving
