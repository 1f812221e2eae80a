"""Valkey: who gets in, and what happens to confirmed writes when members, sites and power go away.

Copies are made after a write was confirmed, so only writes that a replica has too (WAIT 1) must all be there.
"""

from __future__ import annotations

import subprocess

from tests.lab.harness import Lab, until

from .clients import Client
from .redis_clients import AUTH, NAMESPACE, answer, program, steady_writes
from .stores import Stores
from .test_2_faults import cut_off

ASK = "valkey-cli -s /tmp/server.sock --user admin --no-auth-warning"


def ask(lab: Lab, member: str, command: str) -> str:
    """What a member answers in its own pod."""
    where = ("exec", "--namespace", NAMESPACE, member, "--container", "redis", "--")
    return lab.kubectl(*where, "/bin/sh", "-c", f"{ASK} {command}", timeout=30).strip()


def await_all(stores: Stores, seconds: float = 300) -> None:
    for store in ("redis", "redis-proxy"):
        until(lambda store=store: len(stores.ready(store)) == 3, seconds, f"three pods of {store} are ready")  # type: ignore[misc]


def primaries(lab: Lab) -> list[str]:
    """Members that lead and are followed: only such take writes."""
    found = []
    for number in range(3):
        try:
            text = ask(lab, f"redis-{number}", "INFO replication")
        except (AssertionError, subprocess.TimeoutExpired):
            continue
        if "role:master" in text and "min_slaves_good_slaves:0" not in text:
            found.append(f"redis-{number}")
    return found


def primary(lab: Lab) -> str:
    until(lambda: len(primaries(lab)) == 1, 120, "one primary of redis")
    return primaries(lab)[0]


def other_machine(stores: Stores, member: str) -> str:
    machines = {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in stores.members("redis")}
    return next(machine for name, machine in sorted(machines.items()) if name != member)


def attempt(stores: Stores, name: str, client: Client = AUTH, **given: str) -> str:
    """Do one thing as the service does but for what is given, and say what came of it."""
    return answer(stores, f"redis-{name}", program("try", **{"command": "SET auth:try x", **given}), client)


def test_a_service_has_its_own_keys_and_no_others(stores: Stores) -> None:
    await_all(stores)
    assert attempt(stores, "declared") == '"OK"'
    assert "NOPERM" in attempt(stores, "others", command="GET gateway:try")
    assert "NOPERM" in attempt(stores, "all-names", command="SCAN 0")
    assert "NOPERM" in attempt(stores, "flush", command="FLUSHALL")
    assert "NOPERM" in attempt(stores, "settings", command="CONFIG GET *")
    assert attempt(stores, "wrong-password", password="guess").startswith("refused: WRONGPASS")
    assert attempt(stores, "nobody", username="default").startswith("refused: WRONGPASS")
    assert attempt(stores, "no-tls", tls="no").startswith("refused")
    undeclared = attempt(stores, "undeclared", Client("redis", "billing", "business"), tls="no")
    assert undeclared == "refused: timed out"


def test_readers_are_led_to_members_that_follow(stores: Stores) -> None:
    await_all(stores)
    assert attempt(stores, "write", command="SET auth:seen yes") == '"OK"'
    host = "redis-read.data.svc.cluster.local"
    assert attempt(stores, "read", host=host, command="GET auth:seen") == '"yes"'


def test_the_primary_is_killed(lab: Lab, stores: Stores) -> None:
    await_all(stores)
    gone = primary(lab)
    machine = other_machine(stores, gone)
    with steady_writes(stores, machine) as plain, steady_writes(stores, machine, "write-two") as two:
        lab.kubectl("delete", "pod", "--namespace", NAMESPACE, gone, "--grace-period=0", "--force")
        two.more(200, 180)
        await_all(stores)
        plain.read()
        two.read()
    plain.report("primary's pod killed", plain.lost())
    lost = two.lost()
    two.report("primary's pod killed, WAIT 1", lost)
    assert lost == []
    assert two.pause() < 90


def test_a_primary_that_leaves_hands_over(lab: Lab, stores: Stores) -> None:
    await_all(stores)
    gone = primary(lab)
    with steady_writes(stores, other_machine(stores, gone)) as load:
        lab.kubectl("delete", "pod", "--namespace", NAMESPACE, gone, timeout=120)
        load.more(100, 120)
        await_all(stores)
        load.read()
    lost = load.lost()
    load.report("primary's pod ends as told", lost)
    assert lost == []


def test_a_site_is_cut_off_the_network(lab: Lab, stores: Stores) -> None:
    """The primary stays alive with clients beside it, and must not go on confirming."""
    await_all(stores)
    gone = primary(lab)
    machine = stores.machine_of(gone)
    with (
        steady_writes(stores, other_machine(stores, gone), "write-two") as outside,
        steady_writes(stores, machine, "write-two") as inside,
    ):
        with cut_off(lab, machine):
            outside.more(200, 240)
        until(lambda: len(primaries(lab)) == 1, 120, "one primary")
        await_all(stores)
        outside.read()
        inside.more(40, 120)
    for load, where in ((outside, "elsewhere"), (inside, "in it")):
        lost = load.lost()
        load.report(f"primary's site cut off, clients {where}, WAIT 1", lost)
        assert lost == []


def test_all_power_is_cut(lab: Lab, stores: Stores) -> None:
    await_all(stores)
    with steady_writes(stores, stores.machine_of("redis-0"), "write-two") as load:
        load.more(100, 60)
        load.read()
        lab.power("off")
        lab.power("on")
    until(lambda: len(lab.ready_nodes()) == 3, 300, "three machines are nodes again")
    await_all(stores)
    assert len(primaries(lab)) == 1
    lost = load.lost()
    load.report("all power cut", lost)
    # Each member writes to its disk once a second.
    last = max(moment for moment, _number in load.confirmed)
    times = {number: moment for moment, number in load.confirmed}
    assert all(last - times[number] < 3 for number in lost), lost
