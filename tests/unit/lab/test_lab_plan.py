"""From wished and found machines to steps."""

from __future__ import annotations

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.lab.plan import (
    UNFINISHED,
    Action,
    Found,
    PlanError,
    plan_absent,
    plan_power,
    plan_present,
)
from hypothesis import given
from hypothesis import strategies as st

KEY = "ssh-ed25519 AAAA lab"
NAMES = ["mirror-1", "khartoum-1", "omdurman-1", "bahri-1"]
WISHED = {name: f"10.77.0.{number}" for number, name in enumerate(NAMES)}
STATUSES = ["running", "exited", "stopped", "paused", *sorted(UNFINISHED)]


def machine(name: str, status: str = "running", address: str | None = None, key: str = KEY) -> Found:
    return Found(
        name, WISHED.get(name, "10.77.9.9") if address is None else address, status, operator_key=key
    )


def carry_out(actions: list[Action], found: dict[str, Found]) -> dict[str, Found]:
    """Do what podman would do."""
    after = dict(found)
    for action in actions:
        if action.verb == "create":
            assert action.machine not in after
            after[action.machine] = machine(action.machine)
        elif action.verb == "remove":
            del after[action.machine]
        else:
            status = "running" if action.verb == "start" else "exited"
            after[action.machine] = machine(action.machine, status)
    return after


found_machines = st.dictionaries(st.sampled_from([*NAMES, "bahri-9"]), st.sampled_from(STATUSES)).map(
    lambda states: {name: machine(name, status) for name, status in states.items()}
)


@given(found=found_machines, prune=st.booleans())
def test_whatever_a_killed_run_left_converges(found: dict[str, Found], prune: bool) -> None:
    after = carry_out(plan_present(WISHED, found, KEY, prune), found)
    assert all(after[name].running for name in WISHED)
    assert ("bahri-9" in after) == ("bahri-9" in found and not prune)
    assert plan_present(WISHED, after, KEY, prune) == []


@given(found=found_machines)
def test_machines_that_run_are_left_alone(found: dict[str, Found]) -> None:
    touched = {action.machine for action in plan_present(WISHED, found, KEY)}
    assert not {name for name, item in found.items() if item.running} & touched


@given(found=found_machines)
def test_absent_leaves_nothing(found: dict[str, Found]) -> None:
    assert carry_out(plan_absent(found), found) == {}


def test_a_machine_that_never_ran_is_made_again() -> None:
    found = {"mirror-1": machine("mirror-1", "created")}
    assert plan_present({"mirror-1": WISHED["mirror-1"]}, found, KEY) == [
        Action("remove", "mirror-1"),
        Action("create", "mirror-1"),
    ]


def test_every_contradiction_is_told_at_once() -> None:
    found = {
        "mirror-1": machine("mirror-1", address="10.1.1.1"),
        "khartoum-1": machine("khartoum-1", key="ssh-ed25519 BBBB other"),
    }
    with pytest.raises(PlanError) as caught:
        plan_present(WISHED, found, KEY)
    assert len(caught.value.problems) == 2
    assert "10.1.1.1" in str(caught.value)


def test_without_a_key_yet_keys_are_not_compared() -> None:
    assert plan_present(WISHED, {name: machine(name) for name in NAMES}, "") == []


def test_power_switches_only_what_is_named_and_not_so_already() -> None:
    found = {"mirror-1": machine("mirror-1"), "bahri-1": machine("bahri-1", "exited")}
    assert plan_power(["bahri-1", "mirror-1"], found, on=True) == [Action("start", "bahri-1")]
    assert plan_power(["bahri-1", "mirror-1"], found, on=False) == [Action("stop", "mirror-1")]


def test_power_of_an_unknown_machine_is_refused() -> None:
    with pytest.raises(PlanError, match="cairo-1"):
        plan_power(["cairo-1"], {"mirror-1": machine("mirror-1")}, on=False)
