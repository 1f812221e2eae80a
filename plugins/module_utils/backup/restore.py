# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A member's data directory, made anew from a snapshot. What was there stays beside it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .errors import BackupError
from .programs import Programs
from .record import STAMP, UTC
from .sealing import sha256_of
from .static_pods import Places

LEAP = 1_000_000_000
"""Revisions that are skipped. Whoever watches the cluster has seen later revisions than the snapshot's; with
numbers that were never used, and all below marked as compacted, it has to read everything anew."""


@dataclass(frozen=True)
class Wish:
    """What shall be."""

    snapshot: Path
    sha256: str
    data: Path
    name: str
    #: peer addresses (URLs) of all members by name
    peers: Mapping[str, str]


def initial_cluster(peers: Mapping[str, str]) -> str:
    """All members, the same words on each of them: their numbers come from it."""
    return ",".join(f"{name}={url}" for name, url in sorted(peers.items()))


def done(wish: Wish, places: Places) -> bool:
    """Whether a run that was killed had come so far."""
    try:
        said = json.loads(marker(places).read_text())
    except (OSError, ValueError):
        return False
    same = said == {"sha256": wish.sha256, "peers": dict(wish.peers)}
    return same and (wish.data / "member").is_dir()


def marker(places: Places) -> Path:
    """Says from which snapshot the data are, as long as etcd is held."""
    return places.held / "restored.json"


def restore(wish: Wish, programs: Programs, places: Places, check_mode: bool = False) -> str:
    """Make the data directory; returns where the old data are, or an empty text where nothing was to do."""
    if done(wish, places):
        return ""
    old = wish.data / f"before-{datetime.now(UTC).strftime(STAMP)}"
    if check_mode:
        return str(old)
    if (places.manifests / "etcd.yaml").exists():
        raise BackupError(f"etcd is not held: {places.manifests}/etcd.yaml is there. Nothing was changed")
    if wish.name not in wish.peers:
        raise BackupError(f"{wish.name} is not among the members {', '.join(sorted(wish.peers))}")
    if sha256_of(wish.snapshot) != wish.sha256:
        raise BackupError(f"{wish.snapshot} is not the snapshot that was chosen: its SHA-256 is another one")
    made = wish.data / "restored"
    shutil.rmtree(made, ignore_errors=True)
    wish.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    programs.run(
        "etcdutl",
        "snapshot",
        "restore",
        str(wish.snapshot),
        f"--data-dir={made}",
        f"--name={wish.name}",
        f"--initial-cluster={initial_cluster(wish.peers)}",
        f"--initial-advertise-peer-urls={wish.peers[wish.name]}",
        f"--bump-revision={LEAP}",
        "--mark-compacted",
    )
    member = wish.data / "member"
    if member.exists():
        member.rename(old)
    # Within one file system: from one name to the next, the data are old, none, or new, never half of each.
    (made / "member").rename(member)
    shutil.rmtree(made)
    _sync(wish.data)
    marker(places).write_text(json.dumps({"sha256": wish.sha256, "peers": dict(wish.peers)}))
    return str(old)


def forget(places: Places) -> None:
    """Remove the marker: etcd writes again."""
    marker(places).unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
