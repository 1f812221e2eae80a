"""Who goes first when members of Valkey come back from their disks."""

from __future__ import annotations

from pathlib import Path

import pytest

from .redis_member import Member

LEAD = "REPLICAOF NO ONE"
CHOOSABLE = "CONFIG SET replica-priority 100"
FOLLOW = "REPLICAOF redis-1 6379"
ME, OTHER = ("redis-0", 3), ("redis-1", 4)
NOBODY: tuple[str, str] | None = None
View = tuple[str, int] | None
Other = tuple[str, str] | None


def told(place: Path, position: str, views: list[View], others: list[Other], **more: str) -> set[str]:
    """What redis-0 was told in its first looks.

    :param views: who leads, and since which epoch, as the three Sentinels say.
    :param others: position and role of redis-1 and redis-2; None for one that does not answer.
    """
    member = Member(place, position)
    member.sentinels(*views)
    for name, answer in zip(("redis-1", "redis-2"), others, strict=True):
        if answer:
            member.other(name, *answer)
    with member.running(**more):
        return set(member.after(3))


@pytest.mark.parametrize("others", [[NOBODY, NOBODY], [NOBODY, ("", "slave")], [NOBODY, ("2 9", "slave")]])
def test_an_empty_member_founds_nothing_while_one_is_silent(tmp_path: Path, others: list[Other]) -> None:
    assert told(tmp_path, "", [ME, ME, ME], others, WAIT="0") == set()


def test_a_store_is_founded_when_all_have_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, "", [ME, ME, ME], [("", "slave"), ("", "slave")]) == {LEAD}


def test_an_empty_primary_never_leads_those_that_have_data(tmp_path: Path) -> None:
    assert told(tmp_path, "", [ME, ME, ME], [("2 9", "slave"), ("2 7", "slave")]) == set()


def test_the_last_primary_goes_on_when_nobody_is_newer(tmp_path: Path) -> None:
    assert told(tmp_path, "2 9", [ME, ME, None], [("2 9", "slave"), ("1 99", "slave")]) == {LEAD}


@pytest.mark.parametrize("newer", ["2 10", "3 1", "10 0"])
def test_newer_data_go_first(tmp_path: Path, newer: str) -> None:
    assert told(tmp_path, "2 9", [ME, ME, ME], [("2 1", "slave"), (newer, "slave")]) == set()


@pytest.mark.parametrize("answer", ["LOADING Valkey is loading the dataset in memory", "NOAUTH"])
def test_one_that_reads_its_data_is_waited_for(tmp_path: Path, answer: str) -> None:
    others: list[Other] = [("2 1", "slave"), (answer, "")]
    assert told(tmp_path, "2 9", [ME, ME, ME], others) == set()


def test_one_that_is_silent_is_waited_for_and_not_for_ever(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    others: list[Other] = [NOBODY, ("2 9", "slave")]
    assert told(tmp_path / "a", "2 9", [ME, ME, None], others) == set()
    (tmp_path / "b").mkdir()
    assert told(tmp_path / "b", "2 9", [ME, ME, None], others, WAIT="0") == {LEAD}


@pytest.mark.parametrize(
    ("more", "leads"),
    [
        ({}, True),
        ({"flags": "s_down,master"}, False),
        ({"flags": "master,failover_in_progress"}, False),
        ({"last-ok-ping-reply": 60_000}, False),
        ({"role-reported": "slave", "role-reported-time": 900}, True),
        ({"role-reported": "slave", "role-reported-time": 20_000}, False),
    ],
)
@pytest.mark.parametrize("priority", [0, 100])
def test_nobody_leads_while_sentinels_may_choose_another(
    tmp_path: Path, more: dict[str, object], leads: bool, priority: int
) -> None:
    member = Member(tmp_path, "2 9")
    member.sentinels(ME, ME, ME, **more)
    member.other("redis-1", "2 9", priority=priority)
    member.other("redis-2", "2 8")
    with member.running():
        # Where all others hold themselves back they have nobody to choose.
        assert (LEAD in member.after(3)) == (leads or priority == 0)


def test_a_silent_sentinel_may_be_choosing(tmp_path: Path) -> None:
    member = Member(tmp_path, "2 9")
    member.sentinels(ME, ME, None)
    for name in ("redis-1", "redis-2"):
        member.other(name, "2 9", priority=100)
    with member.running():
        assert member.after(4) == []


def test_alone_it_never_leads(tmp_path: Path) -> None:
    assert told(tmp_path, "2 9", [ME, ME, ME], [NOBODY, NOBODY], WAIT="0") == set()


def test_one_sentinel_is_no_majority(tmp_path: Path) -> None:
    assert told(tmp_path, "2 9", [ME, None, None], [("2 9", "slave"), ("2 9", "slave")]) == set()


def test_nobody_leads_beside_another(tmp_path: Path) -> None:
    assert told(tmp_path, "2 9", [ME, ME, ME], [("1 1", "master"), ("1 1", "slave")]) == set()


def test_the_newest_word_of_sentinels_counts(tmp_path: Path) -> None:
    """One of them alone saw the others choose redis-1."""
    others: list[Other] = [("2 9", "slave"), ("2 9", "slave")]
    assert told(tmp_path, "2 9", [ME, ME, OTHER], others) == {FOLLOW}


@pytest.mark.parametrize(
    ("mine", "leader", "choosable"),
    [("2 9", ("2 9", "slave"), False), ("2 9", ("2 8", "slave"), True), ("2 9", NOBODY, True)],
)
def test_another_may_be_chosen_when_the_last_primary_is_away_or_older(
    tmp_path: Path, mine: str, leader: Other, choosable: bool
) -> None:
    found = told(tmp_path, mine, [OTHER, OTHER, OTHER], [leader, ("2 9", "slave")], WAIT="0")
    assert found == ({FOLLOW, CHOOSABLE} if choosable else {FOLLOW})


def test_who_was_in_step_may_be_chosen_from_then_on(tmp_path: Path) -> None:
    member = Member(tmp_path, "2 9")
    member.information(
        role="slave", master_host="redis-1", master_link_status="up", master_sync_in_progress=0
    )
    with member.running():
        assert member.after(3) == [CHOOSABLE]
        # The primary is gone: Sentinel chooses by how far each came, and no member holds itself back.
        member.information(role="slave", master_host="redis-1", master_link_status="down")
        assert member.after(member.looks + 3) == [CHOOSABLE]


def test_a_primary_counts_and_begins_a_new_term_once(tmp_path: Path) -> None:
    member = Member(tmp_path, "2 9")
    member.information(role="master")
    with member.running():
        member.after(4)
    ticks = [line for line in (member.answers / "log").read_text().splitlines() if "--eval" in line]
    assert [line.split()[-1] for line in ticks[:3]] == ["1", "0", "0"]


def test_users_come_from_the_primary(tmp_path: Path) -> None:
    member = Member(tmp_path, "2 9")
    member.information(
        role="slave", master_host="redis-1", master_link_status="up", master_sync_in_progress=0
    )
    member.say("redis-1-users", "user admin on #theirs\nuser billing on #b ~billing:*\nuser default off\n")
    users = tmp_path / "data/server/users.acl"
    with member.running():
        member.after(4)
    lines = users.read_text().splitlines()
    assert lines[-1] == "user billing on #b ~billing:*"
    assert [line.split()[1] for line in lines[:-1]] == [
        "default",
        "admin",
        "exporter",
        "proxy",
        "replica",
        "sentinel",
    ]
    assert "user admin on #theirs" not in lines, "a member's own accounts are its own"
    assert "ACL LOAD" in (member.answers / "log").read_text()


def test_passwords_are_kept_as_sums_but_for_the_one_that_it_sends(tmp_path: Path) -> None:
    member = Member(tmp_path, "2 9")
    with member.running():
        member.after(1)
    users = (tmp_path / "data/server/users.acl").read_text()
    assert not [name for name in ("p1", "p2", "p3", "p4", "p5") if f"{name} " in users]
    conf = tmp_path / "tmp/server.conf"
    assert conf.stat().st_mode & 0o077 == 0
    lines = conf.read_text().splitlines()
    assert {'primaryauth "p4"', "replicaof 127.0.0.1 1", "replica-priority 0"} <= set(lines)


def test_a_primary_hands_over_before_it_ends(tmp_path: Path) -> None:
    member = Member(tmp_path, "2 9")
    assert member.script("leave.sh") == 0, "a replica just ends"
    member.information(role="slave", master_host="redis-1", master_link_status="up")
    assert member.script("leave.sh") == 0


@pytest.mark.parametrize(
    ("mine", "link", "silent", "ready"),
    [(100, "up", 0, True), (50, "up", 0, False), (100, "down", 0, False), (100, "up", 9, False)],
)
def test_ready_is_who_follows_closely(tmp_path: Path, mine: int, link: str, silent: int, ready: bool) -> None:
    member = Member(tmp_path, "2 9")
    member.information(
        role="slave",
        master_host="redis-1",
        master_link_status=link,
        master_last_io_seconds_ago=silent,
        master_sync_in_progress=0,
        slave_repl_offset=mine,
    )
    member.say("redis-1-6379", "# Replication\r\nmaster_repl_offset:120\r\n")
    assert (member.script("ready.sh", DOWN_SECONDS="5", LAG="40") == 0) == ready
    member.information(role="master")
    assert member.script("ready.sh", DOWN_SECONDS="5", LAG="40") == 0
