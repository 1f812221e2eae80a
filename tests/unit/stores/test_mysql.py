"""MySQL's own: who may do what, when a write is safe, and how a member starts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Tier
from ansible_collections.nilecare.platform.plugins.module_utils.stores import mysql, mysql_server
from ansible_collections.nilecare.platform.plugins.module_utils.stores.certificates import DIRECTORY

from roles.mysql.files.mysql_agent import kubernetes, settings

from .conftest import one, store

STORE = store(name="mysql", engine="mysql", image="docker.io/library/mysql", version="9.7.4")
TIER = Tier("medium", 50, 2000, 192 * 2**20, 768 * 2**20)
OBJECTS = mysql.render(STORE, {})
FILES = one(OBJECTS, "ConfigMap", "mysql-configuration")["data"]
CONF = dict(line.split(" = ", 1) for line in FILES["my.cnf"].splitlines() if " = " in line)
POD: dict[str, Any] = one(OBJECTS, "StatefulSet", "mysql")["spec"]["template"]["spec"]
SERVER, AGENT = POD["containers"]


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def test_a_confirmed_write_is_on_every_members_disk() -> None:
    assert CONF["loose_group_replication_consistency"] == "AFTER"
    assert (CONF["sync_binlog"], CONF["innodb_flush_log_at_trx_commit"]) == ("1", "1")


def test_who_is_out_of_the_group_serves_nobody() -> None:
    assert CONF["loose_group_replication_exit_state_action"] == "OFFLINE_MODE"
    assert CONF["loose_group_replication_unreachable_majority_timeout"] == "10"
    assert (CONF["super_read_only"], CONF["offline_mode"]) == ("ON", "ON")
    # Nobody but the agent takes a member into a group.
    assert CONF["loose_group_replication_start_on_boot"] == "OFF"
    assert CONF["loose_group_replication_autorejoin_tries"] == "0"


def test_nobody_comes_in_without_tls_and_members_look_at_names() -> None:
    assert CONF["require_secure_transport"] == "ON"
    assert CONF["loose_group_replication_ssl_mode"] == "VERIFY_IDENTITY"
    assert CONF["loose_group_replication_recovery_ssl_verify_server_cert"] == "ON"
    assert (CONF["local_infile"], CONF["secure_file_priv"]) == ("OFF", "NULL")
    names = one(OBJECTS, "Certificate", "mysql-tls")["spec"]["dnsNames"]
    assert {"mysql.data.svc.cluster.local", "mysql-read.data.svc.cluster.local"} < set(names)
    for member in STORE.members:
        assert STORE.member_address(member) in names


def test_memory_follows_the_tier_and_the_log_the_volume() -> None:
    assert CONF["innodb_buffer_pool_size"] == str(2160 * 2**20)
    small = mysql.render(store(name="mysql", engine="mysql", size=2**30, tier=TIER), {})
    text = one(small, "ConfigMap", "mysql-configuration")["data"]["my.cnf"]
    assert f"innodb_buffer_pool_size = {63 * 2**20}\n" in text
    assert f"message_cache_size = {128 * 2**20}\n" in text
    assert "slow_query_log = ON" in text
    own = mysql.render(STORE, {"parameters": {"max_connections": 7}, "slow_seconds": 0})
    text = one(own, "ConfigMap", "mysql-configuration")["data"]["my.cnf"]
    assert "max_connections = 7\n" in text and "slow_query_log = OFF" in text


def test_settings_that_are_none_are_refused() -> None:
    for given, message in (
        ({"colour": "blue"}, "no setting colour"),
        ({"buffer_share": 1.0}, "buffer_share is 1.0"),
        ({"consistency": "MAYBE"}, "consistency is 'MAYBE'"),
        ({"majority_seconds": 0}, "would wait for ever"),
    ):
        with pytest.raises(ValueError, match=message):
            mysql.render(STORE, given)


def test_the_agent_may_write_two_objects_and_no_more() -> None:
    rules = one(OBJECTS, "Role", "mysql")["rules"]
    assert [(rule["resources"], rule["resourceNames"], rule["verbs"]) for rule in rules] == [
        (["leases"], ["mysql"], ["get", "update"]),
        (["endpointslices"], ["mysql-writer"], ["get", "update"]),
    ]
    # Both are there before it is; what it writes into them is nobody else's.
    writer = one(OBJECTS, "EndpointSlice", "mysql-writer")
    assert "endpoints" not in writer and "spec" not in one(OBJECTS, "Lease", "mysql")
    service = one(OBJECTS, "Service", "mysql")["spec"]
    assert "selector" not in service
    assert writer["metadata"]["labels"]["kubernetes.io/service-name"] == "mysql"
    assert writer["ports"][0]["name"] == service["ports"][0]["name"]
    assert one(OBJECTS, "Service", "mysql-read")["spec"]["selector"] == {"app": "mysql"}


def test_the_agent_understands_what_it_is_told() -> None:
    told = {name: value if isinstance(value, str) else "x" for name, value in variables(AGENT).items()}
    found = settings.Settings.read(told)
    assert found.members == STORE.members
    assert found.host("mysql-2") == STORE.member_address("mysql-2")
    assert found.agent_port == AGENT["ports"][0]["containerPort"]
    assert kubernetes.lease_path(found) == "/apis/coordination.k8s.io/v1/namespaces/data/leases/mysql"


def test_passwords_are_in_no_object() -> None:
    for container in (SERVER, AGENT):
        assert variables(container)["REPLICATOR_PASSWORD"] == {
            "secretKeyRef": {"name": "mysql-credentials", "key": "replicator"}
        }
    assert mysql.CREDENTIALS == ("replicator",)


def test_both_containers_see_the_socket_and_the_agent_only_looks_at_the_volume() -> None:
    mounts = [
        {mount["mountPath"]: mount["name"] for mount in one_["volumeMounts"]} for one_ in (SERVER, AGENT)
    ]
    assert mounts[0]["/var/run/mysqld"] == mounts[1]["/var/run/mysqld"]
    assert mounts[0]["/var/lib/mysql"] == mounts[1]["/var/lib/mysql"] == "data"
    assert next(mount for mount in AGENT["volumeMounts"] if mount["name"] == "data")["readOnly"] is True
    names = [volume["name"] for volume in POD["volumes"]]
    assert len(names) == len(set(names))
    assert AGENT["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert "readinessProbe" not in SERVER


HEAD, TAIL = "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"
# What a member runs, told to say what it got.
SERVER_STANDIN = """\
#!/bin/sh
case "$*" in
  *--initialize-insecure*)
    for word in "$@"; do case $word in --datadir=*) mkdir -p "${word#*=}" ;; esac; done
    echo initialised >> "$SAID"
    exit 0 ;;
esac
for word in "$@"; do case $word in --init-file=*) cat "${word#*=}" >> "$SAID" ;; esac; done
echo "$*" >> "$SAID"
[ "$MYSQLD_PARENT_PID" = "$PPID" ] && echo managed >> "$SAID"
if [ ! -f "$HOME/again" ]; then touch "$HOME/again"; exit 16; fi
exit 3
"""


def start(tmp_path: Path, password: str) -> str:
    (tmp_path / "base").mkdir(exist_ok=True)
    server, script = tmp_path / "mysqld", tmp_path / "start.sh"
    server.write_text(SERVER_STANDIN)
    server.chmod(0o755)
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "run/mysqld.sock.lock").write_text("77")
    (tmp_path / "ca.crt").write_text(f"{HEAD}root\n{TAIL}")
    (tmp_path / "tls.crt").write_text(f"{HEAD}own\n{TAIL}{HEAD}below\n{TAIL}")
    text = mysql_server.START.replace(mysql_server.DATA, str(tmp_path / "base"))
    text = text.replace(DIRECTORY, str(tmp_path))
    script.write_text(text.replace(mysql_server.RUN, str(tmp_path / "run")))
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "SAID": str(tmp_path / "said"),
        "MEMBER": "mysql-1",
        "DOMAIN": "members",
        "REPLICATOR_PASSWORD": password,
    }
    shell = shutil.which("dash") or "/bin/sh"
    done = subprocess.run([shell, str(script), str(tmp_path)], env=environment, timeout=60, check=False)
    assert done.returncode == 3, "the start ends as the server did"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["ca.crt"], (
        "a killed server's lock is no lock"
    )
    assert (tmp_path / "run/ca.crt").read_text() == f"{HEAD}root\n{TAIL}\n{HEAD}below\n{TAIL}"
    return (tmp_path / "said").read_text()


def test_a_member_starts_and_starts_again_when_its_server_wants_to(tmp_path: Path) -> None:
    said = start(tmp_path, "it's \\ secret")
    assert said.count("initialised") == 1
    assert said.count("managed") == 2
    assert "--server-id=2 --report-host=mysql-1.members" in said
    assert "group-replication-local-address=mysql-1.members:3306" in said
    assert "BY 'it\\'s \\\\ secret' REQUIRE X509" in said
    assert said.index("SET sql_log_bin = 0;") < said.index(
        "ALTER USER root@localhost IDENTIFIED WITH auth_socket"
    )
    # The next time there are data already.
    assert start(tmp_path, "other").count("initialised") == 1


def test_what_was_half_made_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "base/new"
    half.mkdir(parents=True)
    (half / "left").touch()
    start(tmp_path, "x")
    assert not half.exists()
    assert (tmp_path / "base/data").is_dir() and not (tmp_path / "base/data/left").exists()


class Lazy(dict[str, Any]):
    """As Ansible's templates give them: nobody makes another one."""

    def __deepcopy__(self, _memo: object) -> Lazy:
        raise TypeError("Direct construction of lazy containers is not supported.")


def test_settings_come_as_ansible_gives_them() -> None:
    text = one(
        mysql.render(STORE, {"parameters": Lazy(max_connections=9)}), "ConfigMap", "mysql-configuration"
    )
    assert "max_connections = 9\n" in text["data"]["my.cnf"]
