# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups of etcd with the real programs: three members under writes, SeaweedFS, age, rclone.

Of a bundle with the set backup (``NILECARE_BUNDLE_SETS=backup``), or of the one that NILECARE_BUNDLE names.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.backup import (
    found,
    keys,
    record,
    restore,
    section,
    take,
    verify,
)
from ansible_collections.nilecare.platform.plugins.module_utils.backup.errors import BackupError
from ansible_collections.nilecare.platform.plugins.module_utils.backup.programs import Programs
from ansible_collections.nilecare.platform.plugins.module_utils.backup.record import UTC, Record
from ansible_collections.nilecare.platform.plugins.module_utils.backup.store import Store, Target

from tests.backup import store as object_store
from tests.backup.cluster import Cluster, Writer, running

PREFIX = "test/etcd"
LIBRARY = Path(__file__).resolve().parents[2] / "plugins" / "module_utils"


@dataclass
class Place:
    """Everything that the tests share."""

    programs: Programs
    target: Target
    cluster: Cluster
    keys: keys.Keys
    home: Path

    @property
    def store(self) -> Store:
        return Store(self.target, self.programs, self.home)

    def settings(self, host: str = "khartoum-1", **changes: object) -> take.Settings:
        settings = take.Settings(
            cluster="test",
            host=host,
            targets=(self.target,),
            recipients=self.keys.recipients,
            keep=50,
            interval=3600,
            access=self.cluster.access(host),
            programs=self.programs.directory,
            scratch=self.home / "scratch",
        )
        return replace(settings, **changes)  # type: ignore[arg-type]

    def take(self, now: datetime | None = None, **changes: object) -> Record:
        (one,) = take.take(self.settings(**changes), now or datetime.now(UTC))  # type: ignore[arg-type]
        return one

    def verify(self, name: str = found.NEWEST, identity: str = "", hours: float = 1000000) -> verify.Verdict:
        # Longer than a socket's path may be.
        home = self.home / f"verify-{time.monotonic_ns()}" / ("long" * 30)
        home.mkdir(mode=0o700, parents=True)
        return verify.verify(
            self.target,
            self.programs,
            home,
            "test",
            take.KIND,
            identity or self.keys.identity,
            datetime.now(UTC),
            hours,
            name,
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    run = object_store.programs()
    home = tmp_path_factory.mktemp("backup")
    made, _changed = keys.keep(run, home / "identity", (), "", False)
    for name in ("store", "etcd"):
        (home / name).mkdir()
    with object_store.serving(home / "store", run) as target, running(home / "etcd", run) as cluster:
        yield Place(run, target, cluster, made, home)


def test_what_was_acknowledged_before_a_snapshot_is_there_after_a_restore(place: Place) -> None:
    cluster = place.cluster
    with Writer(cluster, "/patients/") as writer:
        writer.until(40)
        before = list(writer.acknowledged)
        one = place.take()
        writer.until(len(before) + 20)
    assert one.keys >= len(before)
    place.programs.run("etcdctl", *cluster.access("bahri-1").arguments, "del", "/patients/", "--prefix")

    verdict = place.verify(one.name)
    assert verdict.problems == []
    assert verdict.keys == one.keys

    fetched = place.home / "fetched"
    fetched.mkdir(mode=0o700)
    snapshot = found.bring(place.store, PREFIX, one, place.keys.identity, place.programs, fetched)
    old_revision = cluster.member("bahri-1").status().revision
    for name in cluster.ports:
        cluster.stop(name)
        places = cluster.places(name)
        places.held.mkdir()
        (places.manifests / "etcd.yaml").rename(places.held / "etcd.yaml")
    for name in cluster.ports:
        wish = restore.Wish(snapshot, one.plain_sha256, cluster.data(name), name, cluster.peers)
        old = restore.restore(wish, place.programs, cluster.places(name))
        assert (Path(old) / "snap" / "db").is_file()
        # A run that was killed here goes on without doing it again.
        assert restore.restore(wish, place.programs, cluster.places(name)) == ""
    for name in cluster.ports:
        restore.forget(cluster.places(name))
        (cluster.places(name).held / "etcd.yaml").rename(cluster.places(name).manifests / "etcd.yaml")
        cluster.start(name)
    cluster.wait()
    for name in cluster.ports:
        there = cluster.keys(name, "/patients/")
        assert not set(before) - there, f"{name} lacks acknowledged writes"
        assert len(there) == one.keys
    assert cluster.member("bahri-1").status().revision > old_revision
    cluster.put("/after", "the restore")
    assert cluster.keys("omdurman-1", "/after") == {"/after"}


def test_nothing_readable_leaves_the_machine(place: Place) -> None:
    cluster = place.cluster
    cluster.put("/secret", "the-diagnosis-of-a-patient")
    one = place.take()
    stored = b"".join(
        path.read_bytes() for path in (place.home / "store" / "data").rglob("*") if path.is_file()
    )
    assert b"the-diagnosis-of-a-patient" not in stored
    assert place.store.read(f"{PREFIX}/{one.name}.age").startswith(b"age-encryption.org/v1")
    assert list((place.home / "scratch").iterdir()) == []


def test_no_secret_stands_in_a_process_list(place: Place) -> None:
    seen: list[list[str]] = []
    watching = True

    def look(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "subprocess.Popen":
            seen.append([str(word) for word in arguments[1]])  # type: ignore[attr-defined]

    sys.addaudithook(look)
    one = place.take()
    assert place.verify(one.name).good
    watching = False
    assert {Path(line[0]).name for line in seen} == {"age", "etcd", "etcdctl", "etcdutl", "rclone"}
    for secret in (place.target.secret_key, place.keys.identity):
        assert not any(secret in word for line in seen for word in line)


def altered(place: Place, one: Record, change: bytes) -> Record:
    """Another backup with an object that is not the one that its record tells of."""
    name = record.new_name("omdurman-1", record.taken_at(one.name) + timedelta(seconds=1))
    place.store.write(f"{PREFIX}/{name}.age", change)
    place.store.write(f"{PREFIX}/{name}.json", replace(one, name=name).as_json())
    return replace(one, name=name)


def test_verification_finds_what_is_wrong(place: Place) -> None:
    one = place.take()
    content = place.store.read(f"{PREFIX}/{one.name}.age")
    broken = {
        "truncated": content[:-1000],
        "altered": content[:-5000] + bytes([content[-5000] ^ 1]) + content[-4999:],
    }
    for word, change in broken.items():
        bad = altered(place, one, change)
        verdict = place.verify(bad.name)
        assert not verdict.good
        assert f"was {word}" in verdict.problems[0], word
        # Whoever can write objects can write records too: age itself finds it.
        forged = replace(bad, size=len(change), sha256=hashlib.sha256(change).hexdigest())
        place.store.write(f"{PREFIX}/{bad.name}.json", forged.as_json())
        assert "cannot be decrypted" in place.verify(bad.name).problems[0], word
        report = section.verified(take.KIND, [place.verify(bad.name)])
        assert report["state"] == "failed"
        place.store.remove(f"{PREFIX}/{bad.name}.json")
        place.store.remove(f"{PREFIX}/{bad.name}.age")
    lied = replace(one, keys=one.keys + 1)
    place.store.write(f"{PREFIX}/{one.name}.json", lied.as_json())
    assert "keys" in place.verify(one.name).problems[0]
    place.store.write(f"{PREFIX}/{one.name}.json", one.as_json())
    assert place.verify(one.name).good


def test_another_identity_and_an_old_backup_are_found(place: Place) -> None:
    other, _changed = keys.keep(place.programs, place.home / "other", (), "", False)
    place.take()
    assert "cannot be decrypted" in place.verify(identity=other.identity).problems[0]
    assert "old" in place.verify(hours=0).problems[0]


def test_a_wrong_key_of_the_store_is_refused(place: Place) -> None:
    with pytest.raises(BackupError, match="aside") as caught:
        place.take(targets=(replace(place.target, secret_key="another"),))
    assert place.target.secret_key not in str(caught.value)


def test_one_target_that_is_away_does_not_keep_the_other_from_its_backup(place: Place) -> None:
    away = replace(place.target, name="away", endpoint="https://127.0.0.1:9")
    now = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(BackupError, match="away"):
        place.take(now, targets=(away, place.target))
    name = record.new_name("khartoum-1", now)
    assert place.verify(name).good


def test_a_member_without_a_majority_takes_none(place: Place) -> None:
    for name in ("bahri-1", "omdurman-1"):
        place.cluster.stop(name)
    try:
        with pytest.raises(BackupError):
            place.take()
    finally:
        for name in ("bahri-1", "omdurman-1"):
            place.cluster.start(name)
        place.cluster.wait()


def test_so_many_are_kept_and_the_second_control_plane_sees_the_first_ones(place: Place) -> None:
    began = datetime.now(UTC) + timedelta(days=1)
    for hours in range(3):
        place.take(began + timedelta(hours=hours), keep=2)
    names = record.whole(place.store.sizes(PREFIX))
    assert names == [record.new_name("khartoum-1", began + timedelta(hours=hours)) for hours in (1, 2)]
    late = began + timedelta(hours=2, minutes=10)
    assert take.needed(place.settings("omdurman-1"), late) == []
    assert take.needed(place.settings("omdurman-1"), late + timedelta(minutes=30)) == [place.target]


def test_the_timers_program(place: Place) -> None:
    settings = place.settings()
    file = place.home / "etcd.json"
    target = {
        key: getattr(place.target, key) for key in ("name", "endpoint", "bucket", "access_key", "secret_key")
    }
    file.write_text(
        json.dumps(
            {
                "cluster": "timer",
                "host": "khartoum-1",
                "targets": [{**target, "authority": place.target.authority}],
                "recipients": list(settings.recipients),
                "keep": 3,
                "interval": 3600,
                "access": {"endpoint": settings.access.endpoint},
                "programs": str(place.programs.directory),
                "scratch": str(place.home / "scratch"),
            }
        )
    )
    said = []
    for _time in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "backup.scheduled", str(file)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(LIBRARY)},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(done.stdout)
    assert "keys" in said[0]
    assert "another control plane" in said[1]
