# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is written down beside a backup: one small object, without any content of the backup.

It is written last, so a backup with a record is whole. One without is what a killed run left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone

from .errors import BackupError

SEALED = ".age"
RECORD = ".json"
UTC = timezone.utc  # noqa: UP017, machines may have Python 3.10, which has no datetime.UTC
STAMP = "%Y%m%dT%H%M%SZ"
NAME = re.compile(r"(?P<stamp>\d{8}T\d{6}Z)-(?P<host>[a-z0-9][a-z0-9-]*)")


@dataclass(frozen=True)
class Record:
    """One backup of etcd."""

    name: str
    #: what it is a backup of
    kind: str
    cluster: str
    #: etcd's own number of its cluster, hexadecimal
    cluster_id: str
    host: str
    #: when, in UTC, ISO 8601
    taken: str
    version: str
    revision: int
    #: keys that were there at this revision
    keys: int
    #: of the snapshot itself
    plain_size: int
    plain_sha256: str
    #: of the object, which is encrypted
    size: int
    sha256: str
    recipients: tuple[str, ...]

    def as_json(self) -> bytes:
        """The object's content."""
        return (json.dumps(asdict(self), indent=2, sort_keys=True) + "\n").encode()


def parse(content: bytes, name: str) -> Record:
    """Read a record; one that is not whole or not of this name is refused."""
    try:
        values = json.loads(content)
        values["recipients"] = tuple(values["recipients"])
        found = Record(**{field.name: values[field.name] for field in fields(Record)})
        numbers = (found.revision, found.keys, found.plain_size, found.size)
        texts = (found.plain_sha256, found.sha256, found.taken, found.cluster_id)
        whole = all(isinstance(n, int) for n in numbers) and all(isinstance(t, str) and t for t in texts)
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"the record of {name} cannot be read: {error}") from error
    if not whole or found.name != name:
        raise BackupError(f"the record of {name} is not its own, or not whole")
    return found


def prefix(cluster: str, kind: str) -> str:
    """Where backups of one kind lie in a bucket."""
    return f"{cluster}/{kind}"


def new_name(host: str, now: datetime) -> str:
    """The name of a backup that is taken now. Names sort by time."""
    return f"{now.astimezone(UTC).strftime(STAMP)}-{host}"


def taken_at(name: str) -> datetime:
    """When a backup was taken, by its name."""
    found = NAME.fullmatch(name)
    if not found:
        raise BackupError(f"{name!r} is no name of a backup; expected one like 20261128T210000Z-khartoum-1")
    return datetime.strptime(found["stamp"], STAMP).replace(tzinfo=UTC)


def whole(objects: Collection[str]) -> list[str]:
    """Names of the backups that have both objects, oldest first."""
    names = {entry[: -len(RECORD)] for entry in objects if entry.endswith(RECORD)}
    return sorted(name for name in names if NAME.fullmatch(name) and name + SEALED in objects)


def surplus(objects: Collection[str], keep: int) -> list[str]:
    """Objects to remove: of whole backups all but the newest, and what is left of others older than those.

    A record goes before its backup, so that a run that is killed in between leaves no record of nothing.
    What is newer than the oldest that stays may still be on its way, and is left alone.
    """
    names = whole(objects)
    kept = names[-keep:] if keep > 0 else names
    if not kept:
        return []
    leaving = []
    for entry in sorted(objects):
        name = entry.removesuffix(RECORD).removesuffix(SEALED)
        if NAME.fullmatch(name) and name < kept[0]:
            leaving.append(entry)
    return sorted(leaving, key=lambda entry: (not entry.endswith(RECORD), entry))
