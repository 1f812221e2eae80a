"""A member of Valkey that starts, with a client that answers what a test says."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.nilecare.platform.plugins.module_utils.stores import redis_scripts

from .started import started

NAMES = ("redis-0", "redis-1", "redis-2")
# Own commands are noted, others are answered from files by host and port.
CLIENT = """\
#!/bin/sh
host=own
while :; do
  case $1 in
    -t | -s | -p | --cacert | --sni | --user) last=$2; [ "$1" != -p ] || port=$2; shift 2 ;;
    -h) host=$2; shift 2 ;;
    --tls | --no-auth-warning) shift ;;
    *) break ;;
  esac
done
if [ "$host" = own ]; then
  echo "$*" >> "$ANSWERS/log"
  case "$1 $2" in
    'INFO replication') cat "$ANSWERS/info" ;;
    'GET nilecare:position') cat "$ANSWERS/position" ;;
    'ACL LIST') cat "$ANSWERS/users" ;;
    *) echo OK ;;
  esac
else
  [ "$1" ] || cat > /dev/null
  [ "$*" != 'ACL LIST' ] || port=users
  cat "$ANSWERS/$host-$port" 2> /dev/null
fi
"""


class Member:
    """What is around redis-0 while it starts.

    :param position: how far its own data reach; empty without any.
    """

    def __init__(self, place: Path, position: str) -> None:
        self.place = place
        self.answers = place / "answers"
        for name in ("answers", "tmp", "data", "scripts"):
            (place / name).mkdir()
        for name, text in {
            "scripts/common.sh": redis_scripts.COMMON,
            "scripts/server.sh": redis_scripts.SERVER,
            "scripts/leave.sh": redis_scripts.LEAVE,
            "scripts/ready.sh": redis_scripts.READY,
            "scripts/valkey-cli": CLIENT,
            "scripts/valkey-server": "#!/bin/sh\nexec sleep 60\n",
            "answers/position": f"{position}\n",
            "answers/users": "",
            "answers/log": "",
        }.items():
            (place / name).write_text(text)
            (place / name).chmod(0o755)
        self.information(role="slave", master_host="127.0.0.1", master_link_status="down", slave_priority=0)

    def information(self, **fields: object) -> None:
        """What it says of itself."""
        lines = [f"{key}:{value}\r" for key, value in fields.items()]
        self.say("info", "\n".join(["# Replication\r", *lines, ""]))

    def sentinels(self, *views: tuple[str, int] | None, **more: object) -> None:
        """Who leads, as each Sentinel says, and in which epoch; None does not answer.

        :param more: what they say of the primary beside.
        """
        calm = {"flags": "master", "last-ok-ping-reply": -1, "role-reported": "master"}
        for name, view in zip(NAMES, views, strict=True):
            if view:
                fields = {"name": "redis", "ip": view[0], **calm, "config-epoch": view[1], **more}
                self.say(f"{name}-26379", "".join(f"{key}\n{value}\n" for key, value in fields.items()))

    def other(self, name: str, position: str, role: str = "slave", priority: int = 0) -> None:
        """What another member answers."""
        self.say(f"{name}-6379", f"{position}\nrole:{role}\r\nslave_priority:{priority}\r\n")

    def say(self, file: str, text: str) -> None:
        partial = self.place / "partial"
        partial.write_text(text, newline="")
        partial.replace(self.answers / file)

    @property
    def log(self) -> list[str]:
        """What it was told, but for questions."""
        lines = (self.answers / "log").read_text().splitlines()
        return [line for line in lines if line.split()[0] not in ("INFO", "GET", "ACL", "--eval")]

    @property
    def looks(self) -> int:
        return (self.answers / "log").read_text().count("INFO replication")

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "ANSWERS": str(self.answers),
            "CLI": str(self.place / "scripts/valkey-cli"),
            "DATA": str(self.place / "data"),
            "HOME": str(self.place / "tmp"),
            "LOOK": "0.05",
            "MEMBERS": " ".join(NAMES),
            "NAME": "redis",
            "OWN": NAMES[0],
            "PORT": "6379",
            "SENTINEL_PORT": "26379",
            "SERVER_PROGRAM": str(self.place / "scripts/valkey-server"),
            "TLS": str(self.place),
            "VALKEYCLI_AUTH": "p1",
            "EXPORTER": "p2",
            "EXPORTER_RULES": "-@all +info",
            "PROXY": "p3",
            "REPLICA": "p4",
            "SENTINEL": "p5",
            "SENTINEL_RULES": "-@all +ping",
            "WAIT": "30",
            **more,
        }

    @contextmanager
    def running(self, **more: str) -> Iterator[None]:
        command = ["/bin/sh", str(self.place / "scripts/server.sh")]
        with started(command, self.environment(**more)):
            yield

    def script(self, name: str, **more: str) -> int:
        command = ["/bin/sh", str(self.place / "scripts" / name)]
        return subprocess.run(command, env=self.environment(**more), check=False).returncode

    def after(self, looks: int) -> list[str]:
        """What it was told when it has looked so often."""
        end = time.monotonic() + 20
        while self.looks < looks and time.monotonic() < end:
            time.sleep(0.02)
        return self.log
