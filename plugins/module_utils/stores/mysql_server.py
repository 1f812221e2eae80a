# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""MySQL's configuration, and how a member of it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .certificates import DIRECTORY as TLS
from .model import Store
from .statefulset import CONFIGURATION

PORT = 3306
DATA = "/var/lib/mysql"
RUN = "/var/run/mysqld"
SOCKET = f"{RUN}/mysqld.sock"
AUTHORITIES = f"{RUN}/ca.crt"
"""The agent writes it anew when a certificate was renewed."""
SLOW_LOG = f"{RUN}/slow.log"
"""The agent says what comes in here, and empties it."""
#: who members are to each other; the password is in the Secret <store>-credentials
REPLICATOR = "replicator"
MEBIBYTE = 2**20
OWN_NEEDS = 600 * MEBIBYTE
"""Memory of a server without any data: its code, its books on itself, and what the group keeps for others."""
RESTART = 16
"""mysqld ends so when it wants to be started again, as after a copy of another member."""

# A member begins with data of its own, which are given up for those of its group. Accounts that members need
# are made at each start, before anybody can connect, and stand in no log: the agent and whoever may run
# commands in the pod are root by the socket, without a password; members have a password and a certificate.
START = f"""\
#!/bin/sh
set -u
umask 077
# A server takes over a renewed certificate only if it finds every authority above it in one file.
{{
  cat {TLS}/ca.crt
  echo
  own=yes
  while IFS= read -r line; do
    [ "$own" = yes ] || printf '%s\\n' "$line"
    [ "$line" = "-----END CERTIFICATE-----" ] && own=no
  done < {TLS}/tls.crt
}} > {AUTHORITIES}
base={DATA}
rm -rf "$base/tmp"
mkdir -p "$base/tmp"
if [ ! -d "$base/data" ]; then
  rm -rf "$base/new"
  "$1/mysqld" --defaults-file={CONFIGURATION}/my.cnf --initialize-insecure --datadir="$base/new" || exit
  sync
  mv "$base/new" "$base/data"
fi
# The password as SQL writes it; images have a shell, and not much more.
quoted='' left=$REPLICATOR_PASSWORD
while [ -n "$left" ]; do
  rest=${{left#?}}
  letter=${{left%"$rest"}}
  left=$rest
  case $letter in "'" | \\\\) quoted="$quoted\\\\" ;; esac
  quoted=$quoted$letter
done
cat > "$HOME/accounts.sql" << END
SET sql_log_bin = 0;
ALTER USER root@localhost IDENTIFIED WITH auth_socket AS '$(id -un)';
CREATE USER IF NOT EXISTS {REPLICATOR}@'%' ACCOUNT LOCK;
ALTER USER {REPLICATOR}@'%' IDENTIFIED WITH caching_sha2_password BY '$quoted' REQUIRE X509 ACCOUNT UNLOCK;
GRANT REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO {REPLICATOR}@'%';
END
unset REPLICATOR_PASSWORD quoted
# It ends with {RESTART} when it wants to be started again.
export MYSQLD_PARENT_PID=$$
ended={RESTART}
while [ "$ended" = {RESTART} ]; do
  # A killed server leaves a lock with its number, which may be another process's now.
  rm -f {RUN}/mysqld.*
  "$1/mysqld" --defaults-file={CONFIGURATION}/my.cnf --init-file="$HOME/accounts.sql" \\
    --server-id="$((${{MEMBER##*-}} + 1))" --report-host="$MEMBER.$DOMAIN" \\
    --loose-group-replication-local-address="$MEMBER.$DOMAIN:{PORT}" &
  server=$!
  trap 'kill -TERM "$server"' TERM INT
  # A signal ends the first wait, and the server's answer to it the second.
  while kill -0 "$server" 2> /dev/null; do
    wait "$server"
    ended=$?
  done
done
exit "$ended"
"""


def my_cnf(store: Store, memory: int, given: Mapping[str, Any]) -> str:
    """The configuration that all members share.

    :param memory: bytes that the server may use.
    :param given: settings that the inventory names, see ``mysql.Settings``.
    """
    lines: dict[str, Any] = {
        **_server(given),
        **_durability(store, given),
        **_memory(store, memory, given),
        **{f"loose_group_replication_{name}": value for name, value in _group(store, memory, given).items()},
        **given["parameters"],
    }
    plugins = (
        f"plugin_load_add = {name}.so\n" for name in ("auth_socket", "group_replication", "mysql_clone")
    )
    return "".join(["[mysqld]\n", *plugins, *(f"{key} = {value}\n" for key, value in lines.items())])


def _server(given: Mapping[str, Any]) -> dict[str, Any]:
    slow = given["slow_seconds"]
    return {
        "datadir": f"{DATA}/data",
        "tmpdir": f"{DATA}/tmp",
        "socket": SOCKET,
        "pid_file": f"{RUN}/mysqld.pid",
        "port": PORT,
        "mysqlx": "OFF",
        "skip_name_resolve": "ON",
        "character_set_server": "utf8mb4",
        "collation_server": "utf8mb4_0900_ai_ci",
        "default_time_zone": f"'{given['time_zone']}'",
        "local_infile": "OFF",
        "secure_file_priv": "NULL",
        "require_secure_transport": "ON",
        "tls_version": "TLSv1.3",
        "ssl_ca": AUTHORITIES,
        "ssl_cert": f"{TLS}/tls.crt",
        "ssl_key": f"{TLS}/tls.key",
        "max_connections": given["connections"],
        "log_error_verbosity": 2,
        "slow_query_log": "ON" if slow else "OFF",
        "slow_query_log_file": SLOW_LOG,
        "long_query_time": slow or 10,
        # Nobody writes, and no service gets in, before the member is in its group and the agent says so.
        "super_read_only": "ON",
        "offline_mode": "ON",
    }


def _durability(store: Store, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "gtid_mode": "ON",
        "enforce_gtid_consistency": "ON",
        "log_bin": "binlog",
        "sync_binlog": 1,
        "innodb_flush_log_at_trx_commit": 1,
        "relay_log": "relay",
        "relay_log_recovery": "ON",
        "replica_preserve_commit_order": "ON",
        "binlog_expire_logs_seconds": given["binlog_hours"] * 3600,
        "max_binlog_size": max(min(store.size // 100, 512 * MEBIBYTE), 4 * MEBIBYTE),
        "innodb_redo_log_capacity": max(min(store.size // 20, 2048 * MEBIBYTE), 8 * MEBIBYTE),
    }


def _memory(store: Store, memory: int, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "innodb_buffer_pool_size": max(int((memory - OWN_NEEDS) * given["buffer_share"]), 32 * MEBIBYTE)
        // MEBIBYTE
        * MEBIBYTE,
        "table_open_cache": 400 if memory < 2**30 else 4000,
        "table_definition_cache": 400 if memory < 2**30 else 2000,
        "temptable_max_ram": max(memory // 16, 2 * MEBIBYTE),
    }


def _group(store: Store, memory: int, given: Mapping[str, Any]) -> dict[str, Any]:
    seeds = ",".join(f"{store.member_address(member)}:{PORT}" for member in store.members)
    return {
        # The agent starts it.
        "start_on_boot": "OFF",
        # Members come in by the clients' port, with an account and the server's certificate, which can be
        # renewed while they are connected.
        "communication_stack": "MYSQL",
        "group_seeds": seeds,
        "single_primary_mode": "ON",
        "enforce_update_everywhere_checks": "OFF",
        "consistency": given["consistency"],
        # Who is out of the group serves nobody; the agent brings it back.
        "exit_state_action": "OFFLINE_MODE",
        "autorejoin_tries": 0,
        "unreachable_majority_timeout": given["majority_seconds"],
        "member_expel_timeout": given["expel_seconds"],
        "message_cache_size": max(memory // 8, 128 * MEBIBYTE),
        "ssl_mode": "VERIFY_IDENTITY",
        "recovery_use_ssl": "ON",
        "recovery_ssl_verify_server_cert": "ON",
        "recovery_ssl_ca": AUTHORITIES,
        "recovery_ssl_cert": f"{TLS}/tls.crt",
        "recovery_ssl_key": f"{TLS}/tls.key",
    }
