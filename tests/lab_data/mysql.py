"""MySQL in the lab: who writes, and a load of writes with known content from a service's pod."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.harness import until

from .clients import Client, pod_of, way_out
from .confirmed import Confirmed, steady
from .stores import Stores

IMAGE = "docker.io/nilecare/mysql-agent:1.0.0"
EHR = Client("mysql", "ehr", "clinical")
ASK = "/usr/bin/mysql --no-defaults --socket=/var/run/mysqld/mysqld.sock --user=root --batch --raw -N -e"
MAY_WRITE = "SELECT NOT @@read_only AND NOT @@offline_mode"
MEMBERS = ("mysql-0", "mysql-1", "mysql-2")

CONNECT = """
import hashlib, json, pathlib, ssl, sys, time
import pymysql
access = {path.name: path.read_text() for path in pathlib.Path("/access").iterdir() if path.is_file()}
def connect(**given):
    values = dict(host="mysql.data.svc.cluster.local", port=3306, user=access.get("username", "ehr"),
                  password=access.get("password", ""), database=access.get("database", "clinical"),
                  connect_timeout=3, read_timeout=30, autocommit=True)
    if given.pop("tls", "yes") == "yes":
        trusted = "/access/ca.crt" if "ca.crt" in access else None
        values["ssl"] = ssl.create_default_context(cafile=trusted)
    else:
        values["ssl_disabled"] = True
    return pymysql.connect(**{**values, **given})
"""
TRY = (
    CONNECT
    + """
given = json.loads(sys.argv[1])
statement = given.pop("statement", "SELECT 1")
try:
    with connect(**given) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
    print("let in")
except (pymysql.err.MySQLError, OSError, RuntimeError) as error:
    print("refused:", " ".join(str(error).split()))
"""
)
WRITES = (
    CONNECT
    + """
run, rate = int(sys.argv[1]), float(sys.argv[2])
connection, number, began = None, 0, time.monotonic()
while True:
    number += 1
    time.sleep(max(0, began + number / rate - time.monotonic()))
    try:
        if connection is None:
            connection = connect()
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLE IF NOT EXISTS writes (run BIGINT, number BIGINT,"
                               " content CHAR(64), PRIMARY KEY (run, number))")
        content = hashlib.sha256(f"{run}/{number}".encode()).hexdigest()
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO writes VALUES (%s, %s, %s)", (run, number, content))
        print(json.dumps([time.time(), number, ""]), flush=True)
    except (pymysql.err.MySQLError, OSError) as error:
        connection = None
        began = time.monotonic() - number / rate
        print(json.dumps([time.time(), number, type(error).__name__ + ": " + str(error)[:160]]), flush=True)
        time.sleep(0.1)
"""
)


class MySql:
    """The lab's MySQL."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.lab = stores.lab

    def await_all(self, seconds: float = 300) -> None:
        """Wait until all three members are ready, and one of them writes where writers are led."""
        until(lambda: len(self.stores.ready("mysql")) == 3, seconds, "three members of MySQL are ready")
        until(lambda: self.writers() == [self.leader()], 60, "one writer, and writers are led there")

    def leader(self) -> str:
        """Where writers are led."""
        found = self.lab.get("endpointslice", "mysql-writer", "--namespace", "data")
        endpoints = found.get("endpoints") or []
        return str(endpoints[0]["targetRef"]["name"]) if endpoints else ""

    def ask(self, member: str, text: str) -> str:
        """Ask a member as root, in its pod."""
        where = ("--namespace", "data", member, "--container", "mysql")
        return self.lab.kubectl("exec", *where, "--", *ASK.split(), text).strip()

    def writers(self) -> list[str]:
        """Every member that would take a write. Those that do not answer take none."""
        found = []
        for member in MEMBERS:
            try:
                if self.ask(member, MAY_WRITE) == "1":
                    found.append(member)
            except (AssertionError, subprocess.TimeoutExpired):
                continue
        return found

    def writes_on(self, machine: str) -> bool:
        """Whether the member of a machine would take a write, asked on the machine itself."""
        command = f"crictl exec $(crictl ps --name '^mysql$' --quiet) {ASK} '{MAY_WRITE}'"
        return self.lab.machine(machine, "sh", "-c", command, timeout=30).stdout.strip() == "1"

    def log(self, member: str) -> str:
        """What a member's agent says."""
        where = ("--namespace", "data", member, "--container", "agent")
        return self.lab.kubectl("logs", *where, timeout=60)

    def attempt(self, name: str, client: Client = EHR, **given: str) -> str:
        """Connect as the service does but for what is given, and say what came of it."""
        pod = pod_of(client, name, ["python3", "-u", "-c", TRY, json.dumps(given)], image=IMAGE)
        self.stores.apply(way_out(client.namespace, "data", "test-mysql"), pod)
        where = ("--namespace", client.namespace)
        try:
            return str(until(lambda: self.lab.kubectl("logs", *where, name).strip(), 120, "an answer"))
        finally:
            self.lab.kubectl("delete", "pod", *where, name, "--wait=false")


class Writes(Confirmed):
    """Writes into MySQL."""

    def lost(self) -> list[int]:
        """Confirmed writes that the member that writes does not have, or has with another content."""
        mysql = MySql(self.stores)
        text = mysql.ask(
            mysql.leader(),
            f"SELECT number FROM clinical.writes WHERE run = {self.run}"
            " AND content = SHA2(CONCAT(run, '/', number), 256)",
        )
        return self.without({int(number) for number in text.split()})


@contextmanager
def steady_writes(mysql: MySql, machine: str, rate: float = 20.0) -> Iterator[Writes]:
    """Writes from a pod on a machine, until the block ends."""
    run = time.time_ns() // 10**6
    load = Writes(mysql.stores, EHR, run, f"writes-mysql-{run}")
    command = ["python3", "-u", "-c", WRITES, str(run), str(rate)]
    with steady(load, pod_of(EHR, load.name, command, image=IMAGE, machine=machine), "data"):
        yield load
