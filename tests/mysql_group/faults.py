"""What a group survives: ``python -m tests.mysql_group.faults DIRECTORY LIBRARIES [FAULT...]``, as root.

LIBRARIES holds PyMySQL. MYSQL_SETTINGS may have settings of the role as JSON; with MYSQL_SMALL_VOLUMES each
member has a file system of its own. Prints a line for each fault: confirmed writes, and how many are lost.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymysql
from ansible_collections.nilecare.platform.plugins.module_utils.stores import mysql

from . import network, tls
from .load import Load
from .members import UID, Group, Member, until

PASSWORDS = {"ehr": "it's \\ a pass`word", "auth": "another"}


class Faults:
    """Faults one after the other, each under load, and what came of them."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.run = 0

    def prepare(self) -> None:
        group = self.group
        for member in group.members if os.environ.get("MYSQL_SMALL_VOLUMES") else ():
            member.give_small_volume(1024)
        for member in group.members:
            member.start()
        seconds = until(group.healthy, 180, "a group from nothing")
        print(f"   from nothing to three members: {seconds:.0f} s", flush=True)
        first = self.declare(PASSWORDS)
        print(
            f"   declared: {', '.join(first)}; a second time: {self.declare(PASSWORDS) or 'nothing'}",
            flush=True,
        )
        other = {**PASSWORDS, "ehr": "new"}
        print(f"   another password: {self.declare(other)}, then {self.declare(PASSWORDS)}", flush=True)
        print(
            f"   without auth: {self.declare({'ehr': PASSWORDS['ehr']})}, {self.declare(PASSWORDS)}",
            flush=True,
        )
        group.primary().ask("CREATE TABLE clinical.writes (run INT, number INT, PRIMARY KEY (run, number));")
        members = {member.name: member for member in group.members}
        found = mysql.standings(
            group.store, {}, "mysql-1", lambda name, command, text: members[name].execute(list(command), text)
        )
        print(f"   standings: {found}", flush=True)
        print(f"   memory of servers: {[member.resident() for member in group.members]} MiB", flush=True)

    def declare(self, passwords: dict[str, str]) -> list[str]:
        members = {member.name: member for member in self.group.members}
        return mysql.declare(
            self.group.store,
            {},
            passwords,
            lambda name, command, text: members[name].execute(list(command), text),
            check=False,
        )

    def under_load(self, what: str, fault: Callable[[Load], None], seconds: float = 180) -> None:
        self.run += 1
        began = time.monotonic()
        with Load(self.group, PASSWORDS["ehr"], self.run) as load:
            load.more(100, 60)
            fault(load)
            healthy = until(self.group.healthy, seconds, f"healthy after: {what}")
            load.more(100, 60)
        primary = self.group.primary()
        until(self.same, 60, "all members have the same")
        lost = [len(load.lost(member)) for member in [primary, *self.group.members]]
        print(
            f"   {what}: {len(load.confirmed)} confirmed, {lost[0]} lost (in members: {lost[1:]}),"
            f" {len(load.refused)} refused, {load.pause():.1f} s without a write,"
            f" {time.monotonic() - began:.0f} s in all, {healthy:.0f} of them until healthy",
            flush=True,
        )
        assert lost == [0] * 4, (lost, load.lost(primary)[:10])

    def same(self) -> bool:
        return len({member.ask("SELECT @@gtid_executed").strip() for member in self.group.members}) == 1

    def primary_killed(self) -> None:
        """Its server alone; the kubelet starts it again."""

        def fault(load: Load) -> None:
            primary = self.group.primary()
            primary.kill_server()
            time.sleep(2)
            primary.start_server()
            load.more(50, 120)

        self.under_load("the primary's server is killed", fault)

    def primary_without_power(self) -> None:
        def fault(load: Load) -> None:
            primary = self.group.primary()
            primary.kill()
            load.more(100, 120)
            writing = [member for member in self.group.members if member.takes_writes()]
            assert len(writing) == 1 and writing != [primary]
            primary.start()

        self.under_load("the primary's pod is killed and is away while the others write", fault)

    def primary_stopped(self) -> None:
        def fault(load: Load) -> None:
            primary = self.group.primary()
            primary.stop()
            time.sleep(1)
            primary.start()
            load.more(50, 120)

        self.under_load("the primary's pod is stopped and started again", fault)

    def primary_cut_off(self) -> None:
        def fault(load: Load) -> None:
            primary = self.group.primary()
            self.group.networks.cut(primary.number)
            load.more(100, 120)
            time.sleep(10)
            writing = [member.name for member in self.group.members if member.takes_writes()]
            print(f"   cut off: {primary.name} is {primary.state}, {writing} take writes", flush=True)
            assert primary.name not in writing and len(writing) == 1
            self.group.networks.heal(primary.number)

        self.under_load("the primary is cut off the network and comes back", fault)

    def secondary_without_power(self) -> None:
        def fault(load: Load) -> None:
            secondary = next(member for member in self.group.members if member.state.endswith("SECONDARY"))
            secondary.kill()
            load.more(100, 120)
            secondary.start()

        self.under_load("a secondary's pod is killed and is away while the others write", fault)

    def volume_lost(self) -> None:
        def fault(load: Load) -> None:
            secondary = next(member for member in self.group.members if member.state.endswith("SECONDARY"))
            self.empty(secondary)
            load.more(50, 120)

        self.under_load("a secondary comes back with an empty volume", fault, 300)

    def all_killed(self, rounds: int = 12) -> None:
        orders = list(itertools.permutations(self.group.members))
        for number in range(rounds):
            order = orders[number % len(orders)]
            pause = (
                (0.0, 1.0, 4.0)[number // len(orders) % 3]
                if number < len(orders) * 2
                else random.uniform(0, 8)
            )

            def fault(_load: Load, order: tuple[Member, ...] = order, pause: float = pause) -> None:
                victims = list(self.group.members)
                random.shuffle(victims)
                began = time.monotonic()
                for member in victims:
                    member.kill_server()
                for member in victims:
                    member.kill()
                print(
                    f"   killed {', '.join(one.name for one in victims)} in {time.monotonic() - began:.2f} s,"
                    f" started {', '.join(one.name for one in order)} {pause:.1f} s apart",
                    flush=True,
                )
                time.sleep(1)
                for member in order:
                    member.start()
                    time.sleep(pause)

            self.under_load(f"all killed, round {number + 1}", fault, 240)

    def certificate_renewed(self) -> None:
        """Another authority's would be refused; a renewed one is taken over while writes go on."""

        def fault(load: Load) -> None:
            group = self.group
            names = next(obj for obj in group.objects if obj["kind"] == "Certificate")["spec"]["dnsNames"]
            for member in group.members:
                tls.write(member.directory / "tls", names, UID, group.issuer, group.issuer_root)
            told = "the certificate was renewed"
            until(lambda: all(told in member.log("agent", 99) for member in group.members), 60, told)
            load.more(50, 60)
            dates = {
                member.ask("SHOW STATUS LIKE 'Ssl_server_not_before'").strip() for member in group.members
            }
            print(f"   certificates in use: {dates}", flush=True)
            secondary = next(member for member in group.members if member.state.endswith("SECONDARY"))
            secondary.stop()
            secondary.start()
            load.more(50, 120)

        self.under_load("certificates are renewed, and a secondary is started again", fault)

    def access(self) -> None:
        """Who gets in, and what a service may do there."""
        group = self.group
        where = network.address(group.primary().number)
        reader = network.address(next(m.number for m in group.members if m.state.endswith("SECONDARY")))
        with Load(group, PASSWORDS["ehr"], 0, writers=0) as load:
            tries = {
                "itself": lambda: load.connect(where),
                "a guess": lambda: load.connect(where, password="guess"),
                "without TLS": lambda: load.connect(where, ssl=None, ssl_disabled=True),
                "root": lambda: load.connect(where, user="root"),
                "members' account without a certificate": lambda: load.connect(
                    where, user="replicator", password=group.password
                ),
                "another's database": lambda: load.connect(where, database="auth_1"),
                "a name that only looks alike": lambda: load.connect(
                    where, user="auth", password=PASSWORDS["auth"], database="authx1"
                ),
                "rights handed on": lambda: self.say(
                    load.connect(where), "GRANT SELECT ON clinical.* TO auth@'%'"
                ),
                "a file": lambda: self.say(load.connect(where), "SELECT 'x' INTO OUTFILE '/tmp/x'"),
                "a write to a reader": lambda: self.say(
                    load.connect(reader), "INSERT INTO writes VALUES (0, 1)"
                ),
            }
            for name, attempt in tries.items():
                try:
                    attempt()
                    said = "let in"
                except (pymysql.err.MySQLError, OSError, RuntimeError) as error:
                    said = f"refused: {error}"
                print(f"   {name}: {said}", flush=True)
                assert (said == "let in") == (name == "itself"), name

    def say(self, connection: Any, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    def volume_full(self) -> None:
        """Needs MYSQL_SMALL_VOLUMES. The primary's volume is nearly full, then all three, then none."""
        group = self.group

        def fill(member: Member) -> Path:
            data = member.directory / "data"
            left = shutil.disk_usage(data).free - 20 * 2**20
            filler = data / "filler"
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, left)
            return filler

        def fault(load: Load) -> None:
            primary = group.primary()
            fillers = [fill(primary)]
            load.more(100, 120)
            print(f"   {primary.name} full: {group.states()}; {primary.log('agent', 1)}", flush=True)
            rest = [member for member in group.members if member is not primary]
            fillers += [fill(member) for member in rest]
            until(lambda: not any(member.takes_writes() for member in group.members), 60, "no writes")
            time.sleep(5)
            print(f"   all full: {group.states()}; {load.refused[-1:]}", flush=True)
            for filler in fillers:
                filler.unlink()

        self.under_load("volumes are full, one after the other, and get room again", fault)

    def one_stays_away(self) -> None:
        """Nobody founds a group without a member, but on an operator's word."""
        group = self.group
        missing = group.members[1]
        for member in group.members:
            member.kill()
        for member in group.members:
            if member is not missing:
                member.start()
        time.sleep(45)
        states = group.states()
        print(f"   {missing.name} away: {states}; {group.members[0].log('agent', 1)}", flush=True)
        assert not any(member.takes_writes() for member in group.members)
        self.order("nilecare.sd/found-without", missing.name)
        began = time.monotonic()
        until(lambda: any(member.takes_writes() for member in group.members), 60, "a group without it")
        print(
            f"   on an operator's word: {group.states()} after {time.monotonic() - began:.0f} s", flush=True
        )
        missing.start()
        until(group.healthy, 120, "it comes back")
        print(f"   it came back: {group.states()}", flush=True)

    def order_differs(self) -> None:
        """Two members have transactions of the last group that the other lacks, as after a crash."""
        group = self.group
        last = group.lease()["metadata"]["annotations"]["nilecare.sd/groups"].split(",")[0]
        self.offline()
        for member, number in ((group.members[1], 700001), (group.members[2], 700002)):
            self.write_alone(member, f"{last}:{number}", number)
        for member in group.members:
            member.kill_server()
            member.start()
        seconds = until(group.healthy, 180, "one fetches from the other")
        rows = [
            member.ask("SELECT COUNT(*) FROM clinical.writes WHERE run = 0").strip()
            for member in group.members
        ]
        print(
            f"   written in another order: after {seconds:.0f} s rows {rows} of 2; {self.founded()}",
            flush=True,
        )
        assert rows == ["2", "2", "2"]

    def contradiction(self) -> None:
        """A member has a transaction of its own; nobody decides, until an operator does."""
        group = self.group
        last = group.lease()["metadata"]["annotations"]["nilecare.sd/groups"].split(",")[0]
        self.offline()
        self.write_alone(group.members[1], f"{last}:800001", 800001)
        self.write_alone(group.members[2], "AUTOMATIC", 800002)
        for member in group.members:
            member.kill_server()
            member.start()
        time.sleep(45)
        said = group.members[0].log("agent", 1)
        print(f"   contradiction: {group.states()}; {said}", flush=True)
        assert not any(member.takes_writes() for member in group.members)
        self.order("nilecare.sd/found-by", group.members[1].name)
        until(lambda: group.states().count("ONLINE SECONDARY") == 1, 90, "two of three")
        print(f"   an operator chose {group.members[1].name}: {group.states()}", flush=True)
        print(f"   the other says: {group.members[2].log('agent', 1)}", flush=True)
        # What it wrote alone is given up with its data.
        self.empty(group.members[2])
        seconds = until(group.healthy, 180, "three again")
        print(f"   its data given up, {seconds:.0f} s later: {group.states()}", flush=True)

    def offline(self) -> None:
        """Every server runs, in no group, and no agent does."""
        for member in self.group.members:
            member.kill()
        for member in self.group.members:
            member.start_server()
        until(lambda: set(self.group.states()) == {"OFFLINE"}, 90, "servers in no group")

    def write_alone(self, member: Member, gtid: str, number: int) -> None:
        member.ask(
            f"SET GLOBAL super_read_only = OFF; SET gtid_next = '{gtid}';"
            f" INSERT INTO clinical.writes VALUES (0, {number}); SET gtid_next = 'AUTOMATIC';"
        )

    def empty(self, member: Member) -> None:
        member.kill()
        for path in (member.directory / "data").iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        member.start()

    def order(self, name: str, value: str) -> None:
        """What an operator annotates the Lease with."""
        group = self.group
        assert group.plane is not None
        group.plane.kubectl(
            "-n", group.store.namespace, "annotate", "lease", group.store.name, f"{name}={value}"
        )

    def founded(self) -> str:
        lines = "\n".join(member.log("agent", 200) for member in self.group.members).splitlines()
        told = sorted(line for line in lines if "fetches" in line or "founds group" in line)
        return "; ".join(told[-2:])


def main(directory: str, libraries: str, *faults: str) -> None:
    base = Path(directory)
    for name in ("mysql-0", "mysql-1", "mysql-2", "plane", "ca"):
        shutil.rmtree(base / name, ignore_errors=True)
    settings = json.loads(os.environ.get("MYSQL_SETTINGS", "{}"))
    group = Group(base, Path(libraries), settings)
    running = Faults(group)
    try:
        group.up()
        running.prepare()
        for name in faults or ("primary_killed", "primary_without_power", "primary_cut_off", "all_killed"):
            getattr(running, name)()
    except BaseException:
        for member in group.members:
            print(f"---- {member.name}\n{member.log('agent', 40)}\n{member.log('server', 12)}", flush=True)
        raise
    finally:
        group.down()
        print(f"   {network.BRIDGE} and its processes are gone", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
