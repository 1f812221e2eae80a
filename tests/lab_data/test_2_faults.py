"""What happens to confirmed writes when members, machines and all power go away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.harness import Lab, until

from .load import steady_writes
from .stores import Stores


def other_machine(stores: Stores, machine: str) -> str:
    """A machine that is not this one."""
    names = sorted(stores.machine_of(pod["metadata"]["name"]) for pod in stores.members())
    return next(name for name in names if name != machine)


def test_the_primary_is_killed(lab: Lab, stores: Stores) -> None:
    stores.await_all()
    leader = stores.leader()
    with steady_writes(stores, other_machine(stores, stores.machine_of(leader))) as load:
        lab.kubectl("delete", "pod", "--namespace", "data", leader, "--grace-period=0", "--force")
        load.more(100, 120)
        stores.await_all()
        load.report("primary's pod killed")
        assert load.lost() == []
        assert load.pause() < 60
        assert stores.writers() == [stores.leader()]


def test_a_site_loses_its_power(lab: Lab, stores: Stores) -> None:
    stores.await_all()
    leader = stores.leader()
    machine = stores.machine_of(leader)
    with steady_writes(stores, other_machine(stores, machine)) as load:
        with lab.powered_off(machine):
            load.more(100, 180)
            assert stores.leader() != leader
            load.report("primary's site without power")
            assert load.lost() == []
            assert load.pause() < 90
        stores.await_all(300)
        # Whoever comes back follows: one writer, and the same rows everywhere.
        assert stores.writers() == [stores.leader()]
        load.more(40, 60)
        assert load.lost() == []


def test_a_site_is_cut_off_the_network(lab: Lab, stores: Stores) -> None:
    """The primary stays alive with clients beside it, and must not confirm what the others do not have."""
    stores.await_all()
    leader = stores.leader()
    machine = stores.machine_of(leader)
    with (
        steady_writes(stores, other_machine(stores, machine)) as outside,
        steady_writes(stores, machine) as inside,
    ):
        with cut_off(lab, machine):
            outside.more(100, 180)
            assert stores.leader() != leader
            until(lambda: not stores.writers_on(machine), 60, "the one that is cut off writes no more")
        stores.await_all(300)
        assert stores.writers() == [stores.leader()]
        inside.more(40, 120)
        outside.read()
        outside.report("primary's site cut off, clients elsewhere")
        inside.report("primary's site cut off, clients in it")
        assert outside.lost() == inside.lost() == []


@contextmanager
def cut_off(lab: Lab, machine: str) -> Iterator[None]:
    """Drop whatever goes between a machine and the others; the mirror, by which tests ask, is one of them."""
    # In the table that comes first: Calico puts its own rules, which let its tunnels through, before others.
    rules = [["PREROUTING", "-i", "eth0"], ["OUTPUT", "-o", "eth0"]]
    for rule in rules:
        done = lab.machine(machine, "iptables", "-w", "-t", "raw", "-I", *rule, "-j", "DROP")
        assert done.returncode == 0, done.stderr
    try:
        yield
    finally:
        for rule in rules:
            lab.machine(machine, "iptables", "-w", "-t", "raw", "-D", *rule, "-j", "DROP")


def test_all_power_is_cut(lab: Lab, stores: Stores) -> None:
    stores.await_all()
    machine = stores.machine_of("postgresql-0")
    with steady_writes(stores, machine) as load:
        load.more(40, 60)
        before = load.read()
        lab.power("off")
        lab.power("on")
        until(lambda: len(lab.ready_nodes()) == 3, 300, "three machines are nodes again")
        stores.await_all(300)
        until(lambda: stores.writers() == [stores.leader()], 60, "one writer")
        lost = before.lost()
        print(
            f"   all power cut: {len(before.confirmed)} writes confirmed, {len(lost)} of them lost",
            flush=True,
        )
        assert lost == []
