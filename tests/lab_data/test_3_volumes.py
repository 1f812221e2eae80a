"""A volume that is full, and grows while its store is used."""

from __future__ import annotations

from pathlib import Path

from tests.lab.harness import Lab, until

from .load import steady_writes
from .stores import Stores
from .test_2_faults import other_machine

DATA = "/var/lib/postgresql/data"
LARGER = "1400Mi"


def megabytes(lab: Lab, member: str) -> int:
    """Size of a member's file system."""
    text = lab.kubectl("exec", "--namespace", "data", member, "--", "df", "-m", "--output=size", DATA)
    return int(text.splitlines()[1])


def fill(lab: Lab, member: str) -> None:
    """Take all room that is left."""
    script = f"cat /dev/zero > {DATA}/filler; sync; df -m {DATA}"
    text = lab.kubectl("exec", "--namespace", "data", member, "--", "sh", "-c", script, timeout=120)
    assert "100%" in text, text


def test_a_full_volume_hurts_only_its_owner_and_recovers_when_it_grows(
    lab: Lab, stores: Stores, tmp_path: Path
) -> None:
    stores.await_all()
    before = {pod["metadata"]["name"]: megabytes(lab, pod["metadata"]["name"]) for pod in stores.members()}
    leader = stores.leader()
    with steady_writes(stores, other_machine(stores, stores.machine_of(leader))) as load:
        fill(lab, leader)
        # What is left in files that are there already is used up.
        stores.sql(leader, "SELECT pg_switch_wal()")
        load.more(40, 120)
        assert len(lab.ready_nodes()) == 3
        larger = tmp_path / "larger.yml"
        larger.write_text(f"data: {{hosts: {{postgresql: {{store_size: {LARGER}}}}}}}\n")
        lab.run("stores", "-i", str(larger), "--limit", "postgresql,cluster").expect_success()
        stores.await_all()
        after = {name: megabytes(lab, name) for name in before}
        assert all(after[name] - size in range(340, 400) for name, size in before.items()), (before, after)
        lab.kubectl("exec", "--namespace", "data", leader, "--", "rm", f"{DATA}/filler")
        until(lambda: stores.writers() == [stores.leader()], 60, "one writer")
        load.more(40, 60)
        load.report("a full volume, then a larger one")
        assert load.lost() == []
    volume = lab.get("pv", "data-postgresql-0")["spec"]["capacity"]["storage"]
    claim = lab.get("pvc", "data-postgresql-0", "--namespace", "data")["spec"]["resources"]["requests"]
    assert (volume, claim) == (LARGER, {"storage": LARGER})


def test_nothing_shrinks(lab: Lab, stores: Stores) -> None:
    """The inventory says less again: the run ends before anything is changed."""
    ran = lab.run("stores", "--limit", "postgresql,cluster")
    assert ran.code != 0
    assert "volumes never shrink; nothing was changed" in ran.text
    stores.await_all()
