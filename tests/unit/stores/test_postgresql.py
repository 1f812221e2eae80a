"""PostgreSQL's own: who writes, who may log in, and what it takes to lose nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.stores import postgresql
from ansible_collections.nilecare.platform.plugins.module_utils.stores.certificates import DIRECTORY
from ansible_collections.nilecare.platform.plugins.module_utils.stores.postgresql import Settings

from .conftest import STORE, one, store
from .started import line, renew, started

OBJECTS = postgresql.render(STORE, {})
PATRONI = json.loads(one(OBJECTS, "ConfigMap", "postgresql-configuration")["data"]["patroni.yml"])


def test_writers_follow_the_lock_and_readers_the_label() -> None:
    assert "selector" not in one(OBJECTS, "Service", "postgresql")["spec"]
    replicas = one(OBJECTS, "Service", "postgresql-replicas")["spec"]["selector"]
    assert replicas == {"app": "postgresql", "nilecare.sd/role": "replica"}
    assert PATRONI["kubernetes"]["role_label"] in replicas
    assert PATRONI["kubernetes"]["use_endpoints"] is True
    port = one(OBJECTS, "Service", "postgresql")["spec"]["ports"][0]
    # Endpoints and Service find each other by the port's name.
    assert PATRONI["kubernetes"]["ports"] == [{"name": port["name"], "port": port["port"]}]


def test_patronis_memory_outlives_controller_managers() -> None:
    for name in ("config", "sync", "failover"):
        service = one(OBJECTS, "Service", f"postgresql-{name}")["spec"]
        assert service == {"type": "ClusterIP", "clusterIP": "None"}


def test_two_members_have_a_write_before_it_is_confirmed() -> None:
    dynamic = PATRONI["bootstrap"]["dcs"]
    assert dynamic["synchronous_mode"] == "quorum"
    assert dynamic["synchronous_mode_strict"] is True
    assert dynamic["synchronous_node_count"] == 1
    assert PATRONI["postgresql"]["parameters"]["synchronous_commit"] == "on"


def test_nobody_logs_in_without_tls_and_the_superuser_only_at_home() -> None:
    rules = PATRONI["postgresql"]["pg_hba"]
    assert not [rule for rule in rules if rule.split()[0] in ("host", "hostnossl")]
    assert not [rule for rule in rules if rule.split()[-1] in ("trust", "password", "md5")]
    remote = [rule for rule in rules if rule.startswith("hostssl")]
    assert remote.index("hostssl all postgres all reject") < remote.index("hostssl all all all scram-sha-256")
    assert PATRONI["postgresql"]["authentication"]["superuser"] == {"username": "postgres"}


def test_passwords_are_in_no_object() -> None:
    container = one(OBJECTS, "StatefulSet", "postgresql")["spec"]["template"]["spec"]["containers"][0]
    secret = {entry["name"] for entry in container["env"] if entry["name"].endswith("PASSWORD")}
    assert secret == {f"PATRONI_{name}_PASSWORD" for name in ("REPLICATION", "REWIND", "RESTAPI")}
    for entry in container["env"]:
        if entry["name"] in secret:
            assert list(entry["valueFrom"]) == ["secretKeyRef"]
    # A variable may only name those before it.
    names = [entry["name"] for entry in container["env"]]
    assert names.index("PATRONI_NAME") < names.index("PATRONI_POSTGRESQL_CONNECT_ADDRESS")


def test_a_replica_that_is_behind_is_not_ready() -> None:
    container = one(OBJECTS, "StatefulSet", "postgresql")["spec"]["template"]["spec"]["containers"][0]
    probe = container["readinessProbe"]["httpGet"]
    assert probe["path"] == "/readiness?lag=16777216&mode=apply"
    assert probe["scheme"] == "HTTPS"


def test_memory_follows_the_tier_and_the_log_the_volume() -> None:
    parameters = PATRONI["postgresql"]["parameters"]
    assert parameters["shared_buffers"] == "1024MB"
    assert parameters["max_slot_wal_keep_size"] == f"{5 * 1024}MB"
    own = postgresql.parameters(STORE, Settings.read({"parameters": {"shared_buffers": "7MB"}}))
    assert own["shared_buffers"] == "7MB"


def test_times_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="at least loop_wait"):
        Settings.read({"ttl": 10})
    with pytest.raises(ValueError, match="no setting colour"):
        Settings.read({"colour": "blue"})


def test_rights_name_what_they_are_for() -> None:
    role = one(OBJECTS, "Role", "postgresql")
    for rule in role["rules"]:
        if {"get", "patch", "update", "delete"} & set(rule["verbs"]):
            assert rule["resourceNames"], "only its own"
    assert one(OBJECTS, "Role", "postgresql-api-servers")["metadata"]["namespace"] == "default"


def test_the_start_passes_signals_on_and_ends_with_patroni(tmp_path: Path) -> None:
    """With programs that say what they got in place of Patroni."""
    shell = shutil.which("dash") or "/bin/sh"
    certificate = tmp_path / "tls.crt"
    certificate.write_text("first")
    script = tmp_path / "start.sh"
    text = postgresql.START.replace(DIRECTORY, str(tmp_path)).replace("sleep 5", "sleep 0.2")
    script.write_text(text)
    fake = tmp_path / "patroni"
    fake.write_text(
        "#!/bin/sh\ntrap 'echo HUP' HUP\ntrap 'echo TERM; exit 7' TERM\necho \"$1\"\n"
        "while :; do sleep 0.1; done\n"
    )
    fake.chmod(0o755)
    with started([shell, str(script), str(fake)]) as running:
        assert line(running) == "/etc/store/patroni.yml"
        renew(certificate, "second")
        assert line(running) == "HUP"
        running.terminate()
        assert line(running) == "TERM"
        assert running.wait(60) == 7


def test_more_volume_is_more_room_for_what_waits() -> None:
    larger = postgresql.parameters(store(size=STORE.size * 2), Settings())
    assert larger["max_wal_size"] == f"{10 * 1024}MB"
