# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A restore of etcd: what it refuses, what it keeps, what a killed run leaves to the next."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.backup import restore, static_pods
from ansible_collections.nilecare.platform.plugins.module_utils.backup.errors import BackupError
from ansible_collections.nilecare.platform.plugins.module_utils.backup.programs import Programs
from ansible_collections.nilecare.platform.plugins.module_utils.backup.sealing import sha256_of
from ansible_collections.nilecare.platform.plugins.module_utils.backup.static_pods import Places

PEERS = {"khartoum-1": "https://10.0.1.1:2380", "bahri-1": "https://10.0.3.1:2380"}
ETCDUTL = """#!/bin/sh
for word; do case $word in --data-dir=*) data=${word#*=} ;; esac; done
mkdir -p "$data/member/snap" && cp "$3" "$data/member/snap/db" && echo "$@" > "$data/member/words"
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = Places(tmp_path / "manifests", tmp_path / "held", tmp_path / "proc")
    for folder in (found.manifests, found.proc):
        folder.mkdir()
    for name in ("etcd", "kube-apiserver"):
        (found.manifests / f"{name}.yaml").write_text(name)
    return found


@pytest.fixture
def wish(tmp_path: Path) -> restore.Wish:
    snapshot = tmp_path / "snapshot.db"
    snapshot.write_text("new")
    old = tmp_path / "etcd" / "member" / "snap"
    old.mkdir(parents=True)
    (old / "db").write_text("old")
    return restore.Wish(snapshot, sha256_of(snapshot), tmp_path / "etcd", "khartoum-1", PEERS)


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    (tmp_path / "etcdutl").write_text(ETCDUTL)
    (tmp_path / "etcdutl").chmod(0o755)
    return Programs(tmp_path)


def run(places: Places, pid: int, name: str) -> Path:
    """A process in the list."""
    (places.proc / str(pid)).mkdir()
    file = places.proc / str(pid) / "comm"
    file.write_text(f"{name[:15]}\n")
    return file


def test_manifests_are_held_and_let_go(places: Places) -> None:
    assert static_pods.hold(["etcd"], places, 1) == ["etcd"]
    assert not (places.manifests / "etcd.yaml").exists()
    assert static_pods.hold(["etcd"], places, 1) == []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert static_pods.release(["etcd"], places, [port], 1) == ["etcd"]
        assert static_pods.release(["etcd"], places, [port], 1) == []
    assert (places.manifests / "etcd.yaml").read_text() == "etcd"
    with pytest.raises(BackupError, match=f"port {port} do not answer"):
        static_pods.release(["etcd"], places, [port], 0)


def test_a_process_that_goes_on_is_told(places: Places) -> None:
    run(places, 7, "kube-controller-manager")
    (places.manifests / "kube-controller-manager.yaml").touch()
    with pytest.raises(BackupError, match="kube-controller-manager still run: is the kubelet running"):
        static_pods.hold(["kube-controller-manager"], places, 0)


def test_check_mode_moves_nothing(places: Places, wish: restore.Wish, programs: Programs) -> None:
    run(places, 7, "etcd")
    assert static_pods.hold(["etcd", "other"], places, 0, check_mode=True) == ["etcd"]
    assert (places.manifests / "etcd.yaml").exists()
    assert "before-" in restore.restore(wish, programs, places, check_mode=True)
    assert (wish.data / "member" / "snap" / "db").read_text() == "old"


def test_a_machine_without_the_manifest_is_no_control_plane(places: Places) -> None:
    with pytest.raises(BackupError, match="is this a control plane"):
        static_pods.hold(["kube-scheduler"], places, 0)


def test_the_data_are_made_anew_and_the_old_ones_kept(
    places: Places, wish: restore.Wish, programs: Programs
) -> None:
    static_pods.hold(["etcd"], places, 1)
    old = Path(restore.restore(wish, programs, places))
    assert (old / "snap" / "db").read_text() == "old"
    assert re.fullmatch(r"before-\d{8}T\d{6}Z", old.name)
    assert (wish.data / "member" / "snap" / "db").read_text() == "new"
    words = (wish.data / "member" / "words").read_text()
    assert "--initial-cluster=bahri-1=https://10.0.3.1:2380,khartoum-1=https://10.0.1.1:2380" in words
    assert "--initial-advertise-peer-urls=https://10.0.1.1:2380" in words
    assert f"--bump-revision={restore.LEAP} --mark-compacted" in words
    assert sorted(path.name for path in wish.data.iterdir()) == [old.name, "member"]
    assert restore.restore(wish, programs, places) == ""
    restore.forget(places)
    assert not restore.done(wish, places)


def test_a_run_that_was_killed_in_between_is_made_good(
    places: Places, wish: restore.Wish, programs: Programs
) -> None:
    static_pods.hold(["etcd"], places, 1)
    (wish.data / "restored" / "member").mkdir(parents=True)
    (wish.data / "member").rename(wish.data / "before-20261128T210000Z")
    restore.restore(wish, programs, places)
    assert (wish.data / "member" / "snap" / "db").read_text() == "new"
    assert (wish.data / "before-20261128T210000Z" / "snap" / "db").read_text() == "old"


def test_what_would_destroy_is_refused(places: Places, wish: restore.Wish, programs: Programs) -> None:
    with pytest.raises(BackupError, match="etcd is not held"):
        restore.restore(wish, programs, places)
    static_pods.hold(["etcd"], places, 1)
    wish.snapshot.write_text("another")
    with pytest.raises(BackupError, match="not the snapshot that was chosen"):
        restore.restore(wish, programs, places)
    stranger = restore.Wish(wish.snapshot, sha256_of(wish.snapshot), wish.data, "omdurman-1", PEERS)
    with pytest.raises(BackupError, match="omdurman-1 is not among the members bahri-1, khartoum-1"):
        restore.restore(stranger, programs, places)
    assert (wish.data / "member" / "snap" / "db").read_text() == "old"
