"""What happens to confirmed writes when members, machines and all power go away."""

from __future__ import annotations

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
