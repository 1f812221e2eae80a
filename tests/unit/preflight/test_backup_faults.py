# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where backups may go: at home with what they need, abroad only with an approval and a recipient's key."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.backup import check_backup
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import Backup

from tests.unit.preflight.builders import Draft

KEY = "age1" + "q" * 58
HOME = {
    "name": "medani",
    "country": "SD",
    "endpoint": "https://backup.medani.nilecare.sd",
    "bucket": "nilecare-backups",
    "access_key": "name",
    "secret_key": "the-secret",
}
CAIRO = {**HOME, "name": "cairo", "country": "EG", "endpoint": "https://backup.cairo.nilecare.sd:9000"}
APPROVED = {**CAIRO, "residency_approval": "Federal Ministry of Health, 2026-11-02, letter 4711"}


def findings(*targets: Any, **more: Any) -> list[Finding]:
    told = {"recipients": [KEY], "bundle_sets": ["backup"], **more}
    return list(check_backup(Draft().build(), Backup(targets=targets, **told)))


def test_a_target_at_home_needs_no_approval_and_no_key_of_the_operators() -> None:
    assert findings(HOME, recipients=[]) == []


def test_targets_abroad_may_stand_in_the_inventory_as_long_as_they_are_off() -> None:
    off = {**CAIRO, "enabled": False, "access_key": "", "secret_key": ""}
    assert findings(off, recipients=[]) == []
    assert findings(off, recipients=[], bundle_sets=[]) == []


def test_with_an_approval_and_a_key_one_may_be_on() -> None:
    assert findings(HOME, APPROVED) == []


@pytest.mark.parametrize("approval", ["", "   ", None])
def test_one_that_is_on_without_an_approval_is_refused(approval: str | None) -> None:
    (found,) = findings({**CAIRO, "residency_approval": approval})
    assert found.key == "backup_targets.residency_approval"
    assert "cairo is in EG and is enabled without an approval" in found.message
    assert "who allowed it" in found.expected


def test_one_that_is_on_without_a_recipients_key_is_refused() -> None:
    (found,) = findings(APPROVED, recipients=[])
    assert (found.key, found.expected) == (
        "backup_recipients",
        "the public key (age1…) of whoever may read them",
    )


def test_both_are_told_at_once() -> None:
    assert [found.key for found in findings(CAIRO, recipients=[])] == [
        "backup_targets.residency_approval",
        "backup_recipients",
    ]


@pytest.mark.parametrize("key", ["country", "endpoint", "bucket", "access_key", "secret_key"])
def test_what_is_missing_is_named(key: str) -> None:
    (found,) = findings({**HOME, key: ""})
    assert found.key == f"backup_targets.{key}"
    assert "medani has none" in found.message


@pytest.mark.parametrize("endpoint", ["http://backup.sd", "backup.sd", "https://key:secret@backup.sd"])
def test_the_way_there_is_encrypted_too(endpoint: str) -> None:
    assert [found.key for found in findings({**HOME, "endpoint": endpoint})] == ["backup_targets.endpoint"]


def test_a_finding_says_where_the_targets_are_written() -> None:
    draft = Draft()
    draft.variables["mirror-1"]["backup_targets"] = [CAIRO]
    told = Backup(targets=[CAIRO], recipients=[KEY], bundle_sets=["backup"])
    (found,) = check_backup(draft.build(), told)
    assert found.file == "hosts.yml:2"


def test_other_faults() -> None:
    assert [found.key for found in findings(HOME, HOME)] == ["backup_targets"]
    assert [found.key for found in findings("medani")] == ["backup_targets"]
    assert [found.key for found in findings(HOME, recipients=["AGE-SECRET-KEY-1XYZ"])] == [
        "backup_recipients"
    ]
    assert [found.key for found in findings(HOME, bundle_sets=["mesh"])] == ["bundle_sets"]


def test_no_finding_shows_a_secret() -> None:
    told = findings(
        {**CAIRO, "endpoint": "http://x", "bucket": ""}, recipients=["AGE-SECRET-KEY-1ABCDEFGHIJK"]
    )
    text = " ".join(map(str, told))
    assert "the-secret" not in text
    assert "1ABCDEFGHIJK" not in text
