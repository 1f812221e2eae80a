# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is done to systemd units, from what systemd says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.machines.units import (
    Facts,
    Wish,
    failure,
    newest,
    parse_show,
    parse_time,
    plan,
)

RUNNING = Facts(
    "x.service", load="loaded", active="active", file_state="enabled", started_at=100.0, changed_at=100.0
)
SHOW = """Type=notify
Result=success
Id=containerd.service
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/etc/systemd/system/containerd.service
DropInPaths=/etc/systemd/system/containerd.service.d/10.conf /usr/lib/systemd/system/service.d/x.conf
UnitFileState=enabled
StateChangeTimestamp=Sat 2026-11-28 10:15:01.500000 UTC
InactiveExitTimestamp=Sat 2026-11-28 10:15:00.250000 UTC
NeedDaemonReload=yes
ConditionResult=yes

Type=
Result=success
Id=none.service
LoadState=not-found
ActiveState=inactive
SubState=dead
InactiveExitTimestamp=
NeedDaemonReload=no
ConditionResult=no
"""


def verbs(wish: Wish, facts: Facts, times: dict[str, float] | None = None) -> list[str]:
    return [action for action, _reason in plan(wish, facts, times or {}).actions]


def test_show_is_read() -> None:
    facts = parse_show(SHOW, ["containerd.service", "none.service"])
    containerd = facts["containerd.service"]
    assert containerd.exists and containerd.needs_daemon_reload
    assert containerd.files == (
        "/etc/systemd/system/containerd.service",
        "/etc/systemd/system/containerd.service.d/10.conf",
    )
    assert containerd.changed_at - containerd.started_at == pytest.approx(1.25)
    assert not facts["none.service"].exists
    assert facts["none.service"].started_at == 0


def test_show_of_another_number_of_units_is_refused() -> None:
    with pytest.raises(ValueError, match="2 blocks for 1"):
        parse_show(SHOW, ["containerd.service"])


def test_time_is_utc_whatever_the_language_of_the_machine() -> None:
    assert parse_time("Thu 1970-01-01 00:00:10.500000 UTC") == 10.5
    assert parse_time("الخميس 1970-01-01 00:00:10.500000 UTC") == 10.5
    assert parse_time("") == parse_time("n/a") == 0


def test_good_unit_is_left_alone() -> None:
    assert verbs(Wish("x.service", restart_after=("/a",)), RUNNING, {"/a": 99.0}) == []


def test_missing_unit_is_enabled_and_started() -> None:
    assert verbs(Wish("x.service"), Facts("x.service")) == ["enable", "start"]


def test_newer_file_restarts_once() -> None:
    wish = Wish("x.service", restart_after=("/a", "/gone"))
    assert verbs(wish, RUNNING, {"/a": 101.0}) == ["restart"]
    assert verbs(wish, replace(RUNNING, started_at=102.0), {"/a": 101.0}) == []


def test_own_unit_file_counts_without_being_named() -> None:
    facts = replace(RUNNING, files=("/etc/systemd/system/x.service",))
    assert verbs(Wish("x.service"), facts, {"/etc/systemd/system/x.service": 101.0}) == ["restart"]


def test_reload_is_enough_and_is_done_once() -> None:
    wish = Wish("x.service", reload_after=("/a",))
    assert verbs(wish, RUNNING, {"/a": 101.0}) == ["reload"]
    assert verbs(wish, replace(RUNNING, changed_at=102.0), {"/a": 101.0}) == []


def test_restart_goes_before_reload() -> None:
    wish = Wish("x.service", restart_after=("/a",), reload_after=("/b",))
    assert verbs(wish, RUNNING, {"/a": 101.0, "/b": 101.0}) == ["restart"]


def test_stopped_unit_is_only_started() -> None:
    wish = Wish("x.service", restart_after=("/a",), restart=True)
    assert verbs(wish, replace(RUNNING, active="failed"), {"/a": 101.0}) == ["start"]


def test_stop_and_disable() -> None:
    wish = Wish("x.service", enabled=False, state="stopped")
    assert verbs(wish, RUNNING) == ["disable", "stop"]
    assert verbs(wish, Facts("x.service")) == []


def test_any_state_is_left_alone() -> None:
    assert (
        verbs(Wish("x.service", enabled=None, state=None, restart_after=("/a",)), RUNNING, {"/a": 200.0})
        == []
    )


def test_masked_unit_is_unmasked() -> None:
    facts = Facts("x.service", load="masked", file_state="masked")
    assert verbs(Wish("x.service"), facts) == ["unmask", "enable", "start"]


def test_newest() -> None:
    assert newest(("/a", "/b", "/c"), {"/a": 1.0, "/b": 2.0}) == ("/b", 2.0)
    assert newest(("/c",), {}) == ("", 0.0)


@pytest.mark.parametrize(
    ("facts", "part"),
    [
        (RUNNING, None),
        (Facts("x", load="loaded", active="inactive", kind="oneshot"), None),
        (Facts("x", load="loaded", active="failed", sub="failed", result="exit-code"), "exit-code"),
        (Facts("x"), "no such unit"),
        (Facts("x", load="loaded", condition_met=False), "condition"),
        (Facts("x", load="loaded", kind="oneshot", condition_met=False), "condition"),
    ],
)
def test_failure(facts: Facts, part: str | None) -> None:
    text = failure(Wish("x"), facts)
    assert (text is None) if part is None else part in (text or "")
