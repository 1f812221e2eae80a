# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Records and names of backups: what is whole, what is kept, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.backup import record, section
from ansible_collections.nilecare.platform.plugins.module_utils.backup.errors import BackupError
from ansible_collections.nilecare.platform.plugins.module_utils.backup.record import UTC, Record
from ansible_collections.nilecare.platform.plugins.module_utils.backup.verify import Verdict

NOW = datetime(2026, 11, 28, 21, 7, tzinfo=UTC)
ONE = Record(
    name="20261128T210700Z-khartoum-1",
    kind="etcd",
    cluster="nilecare",
    cluster_id="cdf818194e3a8c32",
    host="khartoum-1",
    taken=NOW.isoformat(),
    version="3.6.8",
    revision=812,
    keys=300,
    plain_size=20480,
    plain_sha256="a" * 64,
    size=20700,
    sha256="b" * 64,
    recipients=("age1" + "q" * 58,),
)


def objects(*names: str) -> list[str]:
    return [name + ending for name in names for ending in (record.SEALED, record.RECORD)]


def name(hours: int, host: str = "khartoum-1") -> str:
    return record.new_name(host, NOW + timedelta(hours=hours))


def test_a_record_is_read_as_it_was_written() -> None:
    assert record.parse(ONE.as_json(), ONE.name) == ONE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        ONE.as_json()[:-20],
        json.dumps({"name": ONE.name}).encode(),
        replace(ONE, name="20261128T210700Z-bahri-1").as_json(),
        ONE.as_json().replace(b'"keys": 300', b'"keys": "300"'),
        ONE.as_json().replace(ONE.sha256.encode(), b""),
    ],
)
def test_a_record_that_is_not_whole_is_refused(content: bytes) -> None:
    with pytest.raises(BackupError, match=ONE.name):
        record.parse(content, ONE.name)


def test_names_sort_by_time_and_tell_it() -> None:
    names = [name(0, "omdurman-1"), name(1, "bahri-1"), name(30, "khartoum-1")]
    assert sorted(names) == names
    assert record.taken_at(names[1]) == NOW + timedelta(hours=1)
    with pytest.raises(BackupError, match="no name of a backup"):
        record.taken_at("../../etc/passwd")


def test_a_backup_without_record_or_content_is_none() -> None:
    there = [*objects(name(2), name(1)), name(3) + record.SEALED, name(4) + record.RECORD, "probe"]
    assert record.whole(there) == [name(1), name(2)]


def test_the_newest_are_kept_and_records_go_before_their_backups() -> None:
    there = objects(*(name(hour) for hour in range(5)))
    assert record.surplus(there, 2) == [
        *(name(hour) + record.RECORD for hour in range(3)),
        *(name(hour) + record.SEALED for hour in range(3)),
    ]
    assert record.surplus(there, 5) == []
    assert record.surplus(there, 0) == []


def test_what_killed_runs_left_goes_when_it_is_old_and_what_is_under_way_stays() -> None:
    old, under_way = name(0, "bahri-1") + record.SEALED, name(9, "bahri-1") + record.SEALED
    there = [old, under_way, "something else", *objects(name(5), name(6))]
    assert record.surplus(there, 2) == [old]
    assert record.surplus([old, under_way], 2) == []


def test_the_report_says_what_was_verified_and_what_was_not() -> None:
    good = Verdict("medani", "Wad Madani", ONE, keys=300, seconds={"restored": 1.23})
    bad = Verdict("cairo", "Cairo", None, problems=["there is none"])
    assert section.verified("etcd", [good])["state"] == "ok"
    said = section.verified("etcd", [good, bad])
    assert said["state"] == "failed"
    assert said["summary"] == "1 of 2 backups of etcd cannot be relied on."
    assert said["table"]["rows"][0][:4] == ["etcd", "medani (Wad Madani)", ONE.taken, "20 KiB"]
    assert said["table"]["rows"][1][-1] == {"text": "there is none", "state": "failed"}
    assert section.verified("etcd", [])["state"] == "warning"
    assert section.taken("etcd", [ONE], ["medani"])["table"]["rows"][0][1] == "medani"
