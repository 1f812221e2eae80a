"""Users, databases and rights of MySQL: from what is there to what is declared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.stores import mysql_accounts as accounts
from ansible_collections.nilecare.platform.plugins.module_utils.stores import mysql_password
from ansible_collections.nilecare.platform.plugins.module_utils.stores.model import Declaration
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import store

STORE = store(
    name="mysql",
    engine="mysql",
    declarations=(Declaration("ehr", "clinical", ("clinical",)), Declaration("lab", "clinical", ("lab_1",))),
)
PASSWORDS = {"ehr": "s3cret", "lab": "other"}
KEPT = (
    "244124303041243576587C7A1D5829214568363D3E507A462A3B487932436973342F50"
    "565A455433675A76573259476A43485452736B2F496D58424A4C2F52336C5252485939"
)
"""As MySQL 9.7 keeps a password."""
EMPTY: dict[str, Any] = {"users": {}, "global": [], "rights": [], "databases": ["mysql"]}


def state(**changes: Any) -> dict[str, Any]:
    def user(password: str) -> dict[str, Any]:
        kept = mysql_password.hashed(password).hex().upper()
        return {"hash": kept, "plugin": "caching_sha2_password", "locked": 0, "ours": 1}

    return {
        "users": {name: user(password) for name, password in PASSWORDS.items()},
        "global": [],
        "rights": [
            {"user": "ehr", "pattern": "clinical", "full": 1},
            {"user": "lab", "pattern": "lab\\_1", "full": 1},
        ],
        "databases": ["mysql", "clinical", "lab_1"],
        **changes,
    }


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=15, deadline=None)
def test_a_hash_tells_passwords_apart(password: str, other: str) -> None:
    kept = mysql_password.hashed(password)
    assert mysql_password.fits(password, kept)
    assert mysql_password.fits(other, kept) == (password == other)


def test_a_hash_is_the_servers() -> None:
    """As MySQL 9.7 wrote it for this password."""
    kept = bytes.fromhex(KEPT)
    assert mysql_password.fits("Pa'ss\\word", kept)
    assert not mysql_password.fits("Pa'ss", kept)
    assert not mysql_password.fits("Pa'ss\\word", b"$A$005$short")
    assert not mysql_password.fits("Pa'ss\\word", b"*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19")
    assert not mysql_password.fits("Pa'ss\\word", b"$A$XYZ$" + kept[7:])


def test_what_is_missing_is_made() -> None:
    statements, changes = accounts.plan(STORE, EMPTY, PASSWORDS)
    assert changes == ["user ehr", "user lab", "database clinical of ehr", "database lab_1 of lab"]
    text = "\n".join(statements)
    assert "s3cret" not in text
    assert "GRANT ALL PRIVILEGES ON `clinical`.* TO 'ehr'@'%';" in statements
    # A low line is any letter where rights are given.
    assert "GRANT ALL PRIVILEGES ON `lab\\_1`.* TO 'lab'@'%';" in statements
    assert "WITH GRANT OPTION" not in text and "*.*" not in text


def test_what_is_there_is_left_alone() -> None:
    assert accounts.plan(STORE, state(), PASSWORDS) == ([], [])


def test_another_password_is_set_and_nothing_else() -> None:
    statements, changes = accounts.plan(STORE, state(), {**PASSWORDS, "ehr": "new"})
    assert changes == ["password of ehr"]
    assert len(statements) == 1 and statements[0].startswith("ALTER USER 'ehr'@'%' IDENTIFIED WITH")


def test_who_no_longer_declares_it_cannot_log_in_and_loses_nothing() -> None:
    left = store(name="mysql", engine="mysql", declarations=STORE.declarations[:1])
    statements, changes = accounts.plan(left, state(), {"ehr": "s3cret"})
    assert changes == ["user lab can no longer log in"]
    assert statements == ["ALTER USER 'lab'@'%' ACCOUNT LOCK;"]


def test_more_rights_than_declared_are_taken_away() -> None:
    rights = [*state()["rights"], {"user": "ehr", "pattern": "lab\\_1", "full": 1}]
    statements, changes = accounts.plan(STORE, state(rights=rights), PASSWORDS)
    assert changes == ["no rights of ehr to lab\\_1"]
    assert statements == ["REVOKE ALL PRIVILEGES ON `lab\\_1`.* FROM 'ehr'@'%';"]
    changes = accounts.plan(STORE, state(**{"global": ["'ehr'@'%'"]}), PASSWORDS)[1]
    assert changes == ["no rights of ehr to everything"]
    fewer = [{"user": "ehr", "pattern": "clinical", "full": 0}, state()["rights"][1]]
    assert accounts.plan(STORE, state(rights=fewer), PASSWORDS)[1] == ["rights of ehr to clinical"]


def test_users_of_others_are_left_alone() -> None:
    foreign = {"hash": "", "plugin": "x", "locked": 0, "ours": 0}
    users = {**state()["users"], "replicator": foreign}
    assert accounts.plan(STORE, state(users=users), PASSWORDS) == ([], [])


def test_names_are_quoted() -> None:
    odd = store(name="mysql", engine="mysql", declarations=(Declaration("o'h", "x", ("a`b",)),))
    statements, _changes = accounts.plan(odd, EMPTY, {"o'h": "p"})
    assert statements[0].startswith("CREATE USER 'o''h'@'%'")
    assert statements[1] == "CREATE DATABASE `a``b`;"


def test_the_primary_is_asked_for_and_check_mode_only_reads() -> None:
    asked: list[tuple[str, str]] = []

    def execute(member: str, command: Sequence[str], text: str) -> str:
        assert not [word for word in command if "s3cret" in word or "password" in word]
        asked.append((member, text))
        if "MEMBER_ROLE" in text:
            if member == "mysql-0":
                raise ValueError("is away")
            return "1\n" if member == "mysql-2" else "0\n"
        return json.dumps(EMPTY)

    changes = accounts.adjust(STORE, "/usr/bin", PASSWORDS, execute, check=True)
    assert len(changes) == 4
    assert asked[-1] == ("mysql-2", accounts.STATE)
    accounts.adjust(STORE, "/usr/bin", PASSWORDS, execute, check=False)
    assert asked[-1][0] == "mysql-2" and "CREATE USER" in asked[-1][1]


def test_without_a_primary_it_is_said_what_each_answered() -> None:
    def execute(member: str, _command: Sequence[str], _text: str) -> str:
        if member == "mysql-0":
            raise ValueError("is away")
        return "0\n"

    with pytest.raises(ValueError, match="mysql-0: is away; mysql-1: does not write; mysql-2"):
        accounts.adjust(STORE, "/usr/bin", PASSWORDS, execute, check=False)
