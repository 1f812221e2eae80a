"""PostgreSQL as it is built: members, who gets in, second runs, growth."""

from __future__ import annotations

import json

from tests.lab.harness import Lab, until

from .stores import Stores, client_pod, way_to_data

TRY = """
import json, pathlib, sys
import psycopg2
access = {p.name: p.read_text() for p in pathlib.Path("/access").iterdir() if p.is_file()}
given = json.loads(sys.argv[1])
try:
    psycopg2.connect(**{
        "host": "postgresql.data.svc.cluster.local",
        "dbname": access.get("database", "billing"),
        "user": access.get("username", "billing"), "password": access.get("password", ""),
        "sslmode": "verify-full", "sslrootcert": "/access/ca.crt", "connect_timeout": 5, **given})
    print("let in")
except psycopg2.Error as error:
    print("refused:", " ".join(str(error).split()))
"""


def attempt(stores: Stores, name: str, namespace: str = "business", **given: str) -> str:
    """Connect as the service does but for what is given, and say what came of it."""
    stores.apply(way_to_data(namespace), client_pod(name, TRY, [json.dumps(given)], namespace=namespace))
    try:
        return str(
            until(
                lambda: stores.lab.kubectl("logs", "--namespace", namespace, name).strip(), 120, "an answer"
            )
        )
    finally:
        stores.lab.kubectl("delete", "pod", "--namespace", namespace, name, "--wait=false")


def test_three_members_in_three_sites(stores: Stores) -> None:
    stores.await_all()
    machines = {stores.machine_of(pod["metadata"]["name"]) for pod in stores.members()}
    assert machines == {"bahri-1", "khartoum-1", "omdurman-1"}
    assert stores.writers() == [stores.leader()]
    streaming = stores.sql(
        stores.leader(), "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'"
    )
    assert streaming == "2"


def test_a_service_gets_in_and_only_as_it_should(stores: Stores) -> None:
    assert attempt(stores, "declared") == "let in"
    assert "password authentication failed" in attempt(stores, "wrong-password", password="guess")
    assert "no pg_hba.conf entry" in attempt(stores, "no-tls", sslmode="disable")
    assert "rejects connection" in attempt(stores, "superuser", user="postgres")
    assert "permission denied for database" in attempt(stores, "others", dbname="analytics")


def test_a_namespace_that_declared_nothing_reaches_nothing(stores: Stores) -> None:
    answer = attempt(
        stores, "undeclared", "integration", sslmode="require", sslrootcert="/dev/null", password="any"
    )
    assert "timeout expired" in answer


def test_volumes_are_file_systems_of_their_own(lab: Lab, stores: Stores) -> None:
    pod = stores.members()[0]["metadata"]["name"]
    text = lab.kubectl(
        "exec",
        "--namespace",
        "data",
        pod,
        "--",
        "df",
        "--output=size,fstype",
        "-m",
        "/var/lib/postgresql/data",
    )
    size, kind = text.splitlines()[1].split()
    assert kind == "xfs"
    assert 800 < int(size) <= 1024


def test_a_second_run_changes_nothing(lab: Lab, stores: Stores) -> None:
    ran = lab.run("stores").expect_success()
    assert ran.changed == []
    assert lab.run("stores", "--check").expect_success().changed == []
