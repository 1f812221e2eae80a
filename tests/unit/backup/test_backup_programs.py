# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs for backups, with small scripts in their place: what goes wrong stays outside of the store."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.backup import keys, sealing, take
from ansible_collections.nilecare.platform.plugins.module_utils.backup.errors import BackupError
from ansible_collections.nilecare.platform.plugins.module_utils.backup.etcd import Access
from ansible_collections.nilecare.platform.plugins.module_utils.backup.programs import Programs, secret_file
from ansible_collections.nilecare.platform.plugins.module_utils.backup.record import UTC
from ansible_collections.nilecare.platform.plugins.module_utils.backup.scratch import scratch
from ansible_collections.nilecare.platform.plugins.module_utils.backup.store import Store, Target

NOW = datetime(2026, 11, 28, 21, 7, tzinfo=UTC)
KEY = "age1" + "z" * 58
TARGET = Target("medani", "https://backup.example.sd", "bucket", "name", "the-secret")

# Objects are files below $HOME/objects; HOME is the folder that the store was given.
RCLONE = """file=$HOME/objects/$(basename "$2")
mkdir -p "$HOME/objects"
case $1 in
  rcat) cat > "$file.part" && mv "$file.part" "$file" ;;
  cat) cat "$file" ;;
  deletefile) rm "$file" ;;
  lsjson) cd "$HOME/objects" && printf '[' && for each in *; do
      [ -f "$each" ] && printf '%s{"Name":"%s","Size":%s}' "$comma" "$each" "$(wc -c < "$each")" && comma=,
    done; echo ']' ;;
esac
"""
AGE = 'printf "sealed "; cat "${@: -1}"'


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder, "rclone", RCLONE)
    script(folder, "age", AGE)
    return Programs(folder)


def script(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/bash\n{text}\n")
    (folder / name).chmod(0o755)


def test_a_program_that_is_not_there_is_named_with_the_set_that_has_it(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"rclone is not there.*bundle_sets: \[backup\]"):
        Programs(tmp_path).run("rclone", "cat")


def test_what_is_encrypted_arrives_and_is_summed(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("content")
    store = Store(TARGET, programs, tmp_path)
    sent = sealing.send(programs, [KEY], tmp_path / "plain", store, "x/one.age")
    assert store.read("x/one.age") == b"sealed content"
    assert sent.size == 14
    assert sent.sha256 == sealing.sha256_of(tmp_path / "objects" / "one.age")


def test_where_encryption_fails_half_way_no_object_is_made(programs: Programs, tmp_path: Path) -> None:
    script(programs.directory, "age", "head -c 100000 /dev/zero; echo 'no more' >&2; exit 1")
    (tmp_path / "plain").write_text("content")
    with pytest.raises(BackupError, match=r"age could not encrypt .*no more"):
        sealing.send(programs, [KEY], tmp_path / "plain", Store(TARGET, programs, tmp_path), "x/one.age")
    assert not (tmp_path / "objects" / "one.age").exists()


def test_a_store_that_refuses_is_named_without_its_key(programs: Programs, tmp_path: Path) -> None:
    script(programs.directory, "rclone", "echo 'AccessDenied: no' >&2; exit 1")
    (tmp_path / "plain").write_bytes(b"x" * 10_000_000)
    with pytest.raises(BackupError, match=r"medani \(https://backup.example.sd\).*AccessDenied") as caught:
        sealing.send(programs, [KEY], tmp_path / "plain", Store(TARGET, programs, tmp_path), "x/one.age")
    assert "the-secret" not in str(caught.value) + repr(TARGET)


def test_nothing_leaves_without_a_recipient(programs: Programs, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no recipient"):
        sealing.send(programs, [], tmp_path / "plain", Store(TARGET, programs, tmp_path), "x/one.age")


def test_a_secret_is_read_from_a_descriptor() -> None:
    with secret_file("AGE-SECRET-KEY-1") as descriptor:
        assert Path(f"/dev/fd/{descriptor}").read_text() == "AGE-SECRET-KEY-1"


def settings(programs: Programs, tmp_path: Path) -> take.Settings:
    return take.Settings(
        cluster="nilecare",
        host="khartoum-1",
        targets=(TARGET,),
        recipients=(KEY,),
        keep=2,
        interval=3600,
        access=Access("https://127.0.0.1:2379"),
        programs=programs.directory,
        scratch=tmp_path / "scratch",
    )


def test_a_target_that_cannot_be_asked_needs_a_backup(programs: Programs, tmp_path: Path) -> None:
    script(programs.directory, "rclone", "exit 1")
    assert take.needed(settings(programs, tmp_path), NOW) == [TARGET]


def test_a_member_that_is_cut_off_takes_none(programs: Programs, tmp_path: Path) -> None:
    script(programs.directory, "etcdctl", "echo 'context deadline exceeded' >&2; exit 1")
    with pytest.raises(BackupError, match="deadline"):
        take.take(settings(programs, tmp_path), NOW)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_an_object_that_did_not_arrive_whole_gets_no_record(programs: Programs, tmp_path: Path) -> None:
    status = [{"Status": {"header": {"cluster_id": 7, "revision": 9}, "version": "3.6.8"}}]
    words = f"""\
case "$1 $2" in
  "endpoint status") echo '{json.dumps(status)}' ;;
  "snapshot save") echo snapshot > "$3" ;;
  *) echo '"Count" : 3' ;;
esac"""
    script(programs.directory, "etcdctl", words)
    script(programs.directory, "etcdutl", 'echo \'{"revision": 9, "hash": 1}\'')
    script(programs.directory, "rclone", 'if [ "$1" = lsjson ]; then echo "[]"; else cat > /dev/null; fi')
    with pytest.raises(BackupError, match="medani has None bytes"):
        take.take(settings(programs, tmp_path), NOW)


def test_settings_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="cannot be read"):
        take.Settings.read(tmp_path / "none.json")
    with pytest.raises(BackupError, match="no secret_key"):
        Target.of({"name": "a", "endpoint": "b", "bucket": "c", "access_key": "d"})


def test_a_killed_runs_folder_goes_after_a_day(tmp_path: Path) -> None:

    old, new = tmp_path / "backup-old", tmp_path / "backup-new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (1, 1))
    with scratch(tmp_path) as home:
        assert home.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["backup-new"]


KEYGEN = f"""\
if [ "$1" = -y ]; then read -r line; [ "$line" = AGE-SECRET-KEY-1A ] && echo {KEY}
else printf '# public key: {KEY}\nAGE-SECRET-KEY-1A\n'; fi"""


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_pair_of_keys_is_made_once(programs: Programs, tmp_path: Path, check_mode: bool) -> None:
    script(programs.directory, "age-keygen", KEYGEN)
    path = tmp_path / "secrets" / "identity"
    made, changed = keys.keep(programs, path, (), "", check_mode)
    assert changed
    assert path.exists() is not check_mode
    if check_mode:
        assert made.recipients == (keys.STAND_IN,)
        return
    assert made == keys.Keys((KEY,), "AGE-SECRET-KEY-1A")
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.keep(programs, path, (), "", False) == (made, False)


def test_given_keys_count_and_no_pair_is_made(programs: Programs, tmp_path: Path) -> None:
    script(programs.directory, "age-keygen", KEYGEN)
    path = tmp_path / "identity"
    assert keys.keep(programs, path, (KEY,), "", False) == (keys.Keys((KEY,), ""), False)
    assert keys.keep(programs, path, (), "# a comment\nAGE-SECRET-KEY-1A\n", False)[0].recipients == (KEY,)
    assert not path.exists()
    with pytest.raises(BackupError, match="is no public key"):
        keys.keep(programs, path, ("AGE-SECRET-KEY-1A",), "", False)


def test_without_an_identity_nothing_is_read(programs: Programs, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="backup_identity"):
        sealing.unseal(programs, " ", tmp_path / "sealed", tmp_path / "plain")
    assert replace(TARGET, name="b") != TARGET
