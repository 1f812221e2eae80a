"""Users and databases: from what is there to what is declared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.stores import postgresql_accounts as accounts
from ansible_collections.nilecare.platform.plugins.module_utils.stores.postgresql_patroni import differences

from .conftest import STORE

EMPTY: dict[str, Any] = {"users": {}, "databases": {"postgres": "postgres"}}


def state(password: str, login: bool = True) -> dict[str, Any]:
    user = {"verifier": accounts.verifier(password), "login": login, "ours": True}
    return {"users": {"billing": user}, "databases": {"postgres": "postgres", "billing": "billing"}}


def test_a_verifier_tells_passwords_apart() -> None:
    made = accounts.verifier("pencil", b"sixteen bytes...")
    # As RFC 5803 writes it: method, rounds and salt, then two keys of 32 bytes.
    assert made.startswith("SCRAM-SHA-256$4096:c2l4dGVlbiBieXRlcy4uLg==$")
    assert accounts.fits("pencil", made)
    assert not accounts.fits("pen", made)
    assert not accounts.fits("pencil", "md5abc")


def test_what_is_missing_is_made() -> None:
    statements, changes = accounts.plan(STORE, EMPTY, {"billing": "s3cret"})
    assert changes == ["user billing", "database billing of billing"]
    text = "\n".join(statements)
    assert 'REVOKE ALL ON DATABASE "billing" FROM PUBLIC' in text
    assert "s3cret" not in text
    assert "SUPERUSER" not in text


def test_what_is_there_is_left_alone() -> None:
    assert accounts.plan(STORE, state("s3cret"), {"billing": "s3cret"}) == ([], [])


def test_another_password_is_set() -> None:
    assert accounts.plan(STORE, state("old"), {"billing": "new"})[1] == ["password of billing"]


def test_who_no_longer_declares_it_cannot_log_in_and_loses_nothing() -> None:
    statements, changes = accounts.plan(STORE, state("s3cret"), {})
    assert changes == ["user billing can no longer log in"]
    assert statements == ['ALTER ROLE "billing" NOLOGIN;']


def test_users_of_others_are_left_alone() -> None:
    foreign = {"users": {"replicator": {"verifier": None, "login": True, "ours": False}}}
    assert accounts.plan(STORE, {**state("s3cret"), **foreign}, {})[1] == []


def test_a_database_of_somebody_else_is_refused() -> None:
    taken = {"users": {}, "databases": {"billing": "mallory"}}
    with pytest.raises(ValueError, match="belongs to mallory"):
        accounts.plan(STORE, taken, {"billing": "s3cret"})


def test_the_primary_is_asked_for_and_check_mode_only_reads() -> None:
    asked: list[tuple[str, str]] = []

    def execute(member: str, _command: Sequence[str], text: str) -> str:
        asked.append((member, text))
        if "pg_is_in_recovery" in text:
            if member == "postgresql-0":
                raise ValueError("is away")
            return "f\n" if member == "postgresql-2" else "t\n"
        return json.dumps(EMPTY)

    changes = accounts.adjust(STORE, "/bin", {"billing": "s3cret"}, execute, check=True)
    assert changes == ["user billing", "database billing of billing"]
    assert asked[-1] == ("postgresql-2", accounts.STATE)


def test_only_settings_that_differ_are_named() -> None:
    now = {"ttl": 30, "loop_wait": 5, "postgresql": {"parameters": {"max_connections": 100}}, "other": 1}
    wanted = {"ttl": 20, "loop_wait": 5, "postgresql": {"parameters": {"max_connections": 200}}}
    assert differences(now, wanted) == ["ttl", "postgresql.parameters.max_connections"]
