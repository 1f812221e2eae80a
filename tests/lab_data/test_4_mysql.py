"""MySQL: who gets in, and what happens to confirmed writes when members, machines and all power go away."""

from __future__ import annotations

import itertools

import pytest

from tests.lab.harness import Lab, until

from .clients import Client
from .mysql import EHR, MEMBERS, MySql, steady_writes
from .stores import Stores
from .test_2_faults import cut_off

DATA = "/var/lib/mysql"


@pytest.fixture
def mysql(stores: Stores) -> MySql:
    return MySql(stores)


def other_machine(mysql: MySql, member: str) -> str:
    """A machine that is not this member's."""
    mine = mysql.stores.machine_of(member)
    machines = sorted(mysql.stores.machine_of(name) for name in MEMBERS)
    return next(machine for machine in machines if machine != mine)


def test_three_members_in_three_sites(mysql: MySql) -> None:
    mysql.await_all()
    assert len({mysql.stores.machine_of(member) for member in MEMBERS}) == 3
    states = "SELECT MEMBER_STATE FROM performance_schema.replication_group_members"
    assert mysql.ask(mysql.leader(), states).split() == ["ONLINE"] * 3


def test_a_service_gets_in_and_only_as_it_should(mysql: MySql) -> None:
    assert mysql.attempt("declared") == "let in"
    assert "Access denied" in mysql.attempt("wrong-password", password="guess")
    assert "refused" in mysql.attempt("no-tls", tls="no")
    assert "Access denied" in mysql.attempt("superuser", user="root")
    assert "Access denied" in mysql.attempt("others", database="auth")
    grant = mysql.attempt("grant", statement="GRANT SELECT ON clinical.* TO lab@'%'")
    assert "denied" in grant
    # Readers are led to whoever is ready, and nobody but the primary takes a write.
    assert mysql.attempt("reader", host="mysql-read.data.svc.cluster.local") == "let in"


def test_a_namespace_that_declared_nothing_reaches_nothing(mysql: MySql) -> None:
    assert "timed out" in mysql.attempt("undeclared", Client("mysql", "fhir", "integration"), password="any")


def test_the_primary_is_killed(lab: Lab, mysql: MySql) -> None:
    mysql.await_all()
    leader = mysql.leader()
    with steady_writes(mysql, other_machine(mysql, leader)) as load:
        lab.kubectl("delete", "pod", "--namespace", "data", leader, "--grace-period=0", "--force")
        load.more(100, 180)
        mysql.await_all()
        load.report("primary's pod killed")
        assert load.lost() == []
        assert load.pause() < 90


def test_a_site_loses_its_power(lab: Lab, mysql: MySql) -> None:
    mysql.await_all()
    leader = mysql.leader()
    machine = mysql.stores.machine_of(leader)
    with steady_writes(mysql, other_machine(mysql, leader)) as load:
        with lab.powered_off(machine):
            load.more(100, 240)
            assert mysql.leader() != leader
            load.report("primary's site without power")
            assert load.lost() == []
            assert load.pause() < 120
        mysql.await_all(400)
        load.more(40, 60)
        assert load.lost() == []


def test_a_site_is_cut_off_the_network(lab: Lab, mysql: MySql) -> None:
    """The primary stays alive with clients beside it, and must not confirm what the others do not have."""
    mysql.await_all()
    leader = mysql.leader()
    machine = mysql.stores.machine_of(leader)
    with (
        steady_writes(mysql, other_machine(mysql, leader)) as outside,
        steady_writes(mysql, machine) as inside,
    ):
        with cut_off(lab, machine):
            outside.more(100, 240)
            assert mysql.leader() != leader
            until(lambda: not mysql.writes_on(machine), 90, "the one that is cut off writes no more")
        mysql.await_all(400)
        inside.more(40, 120)
        outside.read()
        outside.report("primary's site cut off, clients elsewhere")
        inside.report("primary's site cut off, clients in it")
        assert outside.lost() == inside.lost() == []


def orders(lab: Lab) -> list[tuple[str, ...]]:
    """Three orders in which machines get their power back; each of them is the last once."""
    return list(itertools.permutations(lab.ready_nodes()))[::2]


@pytest.mark.parametrize("number", range(3))
def test_all_power_is_cut_and_comes_back_in_another_order(lab: Lab, mysql: MySql, number: int) -> None:
    mysql.await_all(400)
    machines = orders(lab)[number]
    with steady_writes(mysql, mysql.stores.machine_of(mysql.leader())) as load:
        load.more(40, 60)
        before = load.read()
        lab.power("off")
        for machine in ("mirror", *machines):
            lab.power("on", machine)
        until(lambda: len(lab.ready_nodes()) == 3, 300, "three machines are nodes again")
        mysql.await_all(400)
        lost = before.lost()
        print(
            f"   mysql, all power cut, back in order {', '.join(machines)}:"
            f" {len(before.confirmed)} writes confirmed, {len(lost)} of them lost",
            flush=True,
        )
        assert lost == []


def test_a_member_leaves_before_its_volume_is_full(lab: Lab, mysql: MySql) -> None:
    mysql.await_all()
    leader = mysql.leader()
    where = ("exec", "--namespace", "data", leader, "--container", "mysql", "--")
    free = lab.kubectl(*where, "df", "-m", "--output=avail", DATA).split()[-1]
    with steady_writes(mysql, other_machine(mysql, leader)) as load:
        room = ("if=/dev/zero", f"of={DATA}/filler", "bs=1M", f"count={int(free) - 20}")
        lab.kubectl(*where, "dd", *room, timeout=120)
        load.more(100, 120)
        assert mysql.leader() != leader
        assert "of the volume is free" in mysql.log(leader)
        lab.kubectl(*where, "rm", f"{DATA}/filler")
        mysql.await_all()
        load.more(40, 60)
        load.report("primary's volume nearly full")
        assert load.lost() == []


def test_declared_again_changes_nothing(lab: Lab, mysql: MySql) -> None:
    mysql.await_all()
    assert EHR.service in mysql.ask(mysql.leader(), "SELECT User FROM mysql.user").split()
    assert lab.run("stores", "--limit", "mysql").expect_success().changed == []
