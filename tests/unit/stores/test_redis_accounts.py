"""Users of Valkey: one a service, on every member, made once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.stores import redis, redis_accounts
from ansible_collections.nilecare.platform.plugins.module_utils.stores.redis_accounts import rules

from .conftest import store

STORE = store(name="redis", engine="redis", declarations=())
PASSWORDS = {"billing": "one", "gateway": "two"}


class Members:
    """Keep users as Valkey does."""

    def __init__(self, leaders: Sequence[str] = ("redis-1",)) -> None:
        own = dict.fromkeys(redis_accounts.OWN, "on ~* &* +@all")
        self.users = {member: dict(own) for member in STORE.members}
        self.saved = {member: dict(own) for member in STORE.members}
        self.leaders = leaders
        self.lines: list[tuple[str, str]] = []

    def __call__(self, member: str, command: Sequence[str], text: str) -> str:
        assert "one" not in " ".join(command) and "two" not in text.split()
        return "".join(f"{self.answer(member, line)}\n" for line in text.splitlines())

    def answer(self, member: str, line: str) -> str:
        users, words = self.users[member], line.split()
        if line == "ROLE":
            return "master\n0" if member in self.leaders else "slave\nredis-1"
        if line == "ACL LIST":
            return "\n".join(f"user {name} {text}" for name, text in sorted(users.items()))
        self.lines.append((member, line))
        if words[:2] == ["ACL", "SETUSER"]:
            assert words[3] == "reset", "what a user had before is gone"
            users[words[2]] = " ".join(words[4:])
        elif words[:2] == ["ACL", "DELUSER"]:
            del users[words[2]]
            return "1"
        elif line == "ACL SAVE":
            self.saved[member] = dict(users)
        else:
            return "ERR unknown command"
        return "OK"


def test_users_are_made_once_and_the_primary_has_them_first() -> None:
    members = Members()
    assert redis.declare(STORE, {}, PASSWORDS, members, check=False) == ["user billing", "user gateway"]
    assert [member for member, line in members.lines if line == "ACL SAVE"] == [
        "redis-1",
        "redis-0",
        "redis-2",
    ]
    assert members.saved == members.users
    assert redis.declare(STORE, {}, PASSWORDS, members, check=False) == []


def test_a_new_password_and_a_service_that_left() -> None:
    members = Members()
    redis.declare(STORE, {}, PASSWORDS, members, check=False)
    left = {"billing": "new"}
    wanted = ["user billing", "user gateway removed"]
    assert redis.declare(STORE, {}, left, members, check=True) == wanted
    assert redis.declare(STORE, {}, left, members, check=False) == wanted
    assert set(members.users["redis-2"]) == {*redis_accounts.OWN, "billing"}
    assert redis.declare(STORE, {}, left, members, check=False) == []


def test_a_member_that_lost_its_users_gets_them_again() -> None:
    members = Members()
    redis.declare(STORE, {}, PASSWORDS, members, check=False)
    del members.users["redis-2"]["gateway"]
    assert redis.declare(STORE, {}, PASSWORDS, members, check=False) == ["user gateway"]


def test_check_mode_changes_nothing() -> None:
    members = Members()
    assert redis.declare(STORE, {}, PASSWORDS, members, check=True) == ["user billing", "user gateway"]
    assert members.lines == []


@pytest.mark.parametrize("leaders", [(), ("redis-0", "redis-1")])
def test_without_one_primary_nothing_is_changed(
    monkeypatch: pytest.MonkeyPatch, leaders: tuple[str, ...]
) -> None:
    monkeypatch.setattr(redis_accounts, "PAUSE", 0)
    members = Members(leaders)
    with pytest.raises(ValueError, match=f"redis has {len(leaders)} primaries, expected one"):
        redis.declare(STORE, {}, PASSWORDS, members, check=False)
    assert members.lines == []


def test_a_change_of_the_primary_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    members = Members(())
    monkeypatch.setattr(redis_accounts.time, "sleep", lambda _s: setattr(members, "leaders", ("redis-2",)))
    assert redis.declare(STORE, {}, PASSWORDS, members, check=False) == ["user billing", "user gateway"]
    assert members.lines[0][0] == "redis-2"


def test_a_refusal_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    members = Members()
    real = members.answer
    monkeypatch.setattr(
        members, "answer", lambda member, line: "ERR no" if "SETUSER" in line else real(member, line)
    )
    with pytest.raises(ValueError, match="redis-1 refused: ERR no; ERR no"):
        redis.declare(STORE, {}, PASSWORDS, members, check=False)


def test_a_service_has_its_own_keys_and_nothing_that_is_everybodys() -> None:
    words = rules("billing", "one").split()
    assert words[1] == "#7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    assert [word for word in words if word[0] in "~&"] == ["~billing:*", "&billing:*"]
    for denied in ("-@admin", "-@dangerous", "-scan", "-pubsub", "-function", "-script|flush"):
        assert denied in words
    assert words.index("+@all") < words.index("-@admin") < words.index("+info")


def test_users_as_valkey_lists_them() -> None:
    """Written by Valkey 9.1.2."""
    text = (
        "user billing on #7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed ~billing:*"
        " resetchannels &billing:* +@all -@admin -@dangerous +info -scan -randomkey -dbsize -pubsub"
        " -function -script|flush -script|kill\nuser default off resetchannels -@all\n"
    )
    assert redis_accounts.read_users(text)["billing"] == rules("billing", "one")
