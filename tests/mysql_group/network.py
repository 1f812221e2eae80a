"""Networks of members: a namespace each, joined by a bridge, with names instead of a name server."""

from __future__ import annotations

import os
import selectors
import shutil
import socket
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

BRIDGE = "nlmysql"
PREFIX = "10.213.7"
HOST = f"{PREFIX}.1"
API_PORT = 6443


def ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)


def namespace(number: int) -> str:
    return f"{BRIDGE}-{number}"


def address(number: int) -> str:
    return f"{PREFIX}.{10 + number}"


class Networks:
    """Made and removed as one."""

    def __init__(self, names: Mapping[str, str], count: int = 3) -> None:
        self._names = names
        self._count = count
        self._ways: list[Way] = []

    def up(self) -> None:
        self.down()
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("address", "add", f"{HOST}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        hosts = "127.0.0.1 localhost\n" + "".join(f"{where} {name}\n" for where, name in self._names.items())
        for number in range(self._count):
            own = namespace(number)
            files = Path("/etc/netns") / own
            files.mkdir(parents=True, exist_ok=True)
            (files / "hosts").write_text(hosts)
            (files / "resolv.conf").write_text("")
            ip("netns", "add", own)
            ip("link", "add", f"nlmy{number}", "type", "veth", "peer", "name", "eth0", "netns", own)
            ip("link", "set", f"nlmy{number}", "master", BRIDGE, "up")
            ip("-n", own, "link", "set", "lo", "up")
            ip("-n", own, "address", "add", f"{address(number)}/24", "dev", "eth0")
            ip("-n", own, "link", "set", "eth0", "up")

    def down(self) -> None:
        for way in self._ways:
            way.close()
        for number in range(self._count):
            ip("link", "delete", f"nlmy{number}", check=False)
            ip("netns", "delete", namespace(number), check=False)
            shutil.rmtree(Path("/etc/netns") / namespace(number), ignore_errors=True)
        ip("link", "delete", BRIDGE, check=False)

    def lead_to_api(self, port: int) -> None:
        """Make an API server on the host's loopback answer on that of every namespace."""
        self._ways = [Way(namespace(number), port) for number in range(self._count)]

    def cut(self, number: int) -> None:
        """Drop whatever goes between a member and the others, and the way to the API server."""
        ip("link", "set", f"nlmy{number}", "down")
        self._ways[number].cut = True

    def heal(self, number: int) -> None:
        ip("link", "set", f"nlmy{number}", "up")
        self._ways[number].cut = False


class Way:
    """From the loopback of a namespace to a port of the host's."""

    def __init__(self, own: str, port: int) -> None:
        self._port = port
        self.cut = False
        self._listener = _listen(own)
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                caller, _address = self._listener.accept()
                if self.cut:
                    caller.close()
                    continue
                threading.Thread(target=self._carry, args=(caller,), daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        with suppress(OSError), caller, socket.create_connection(("127.0.0.1", self._port), 5) as server:
            choose = selectors.DefaultSelector()
            choose.register(caller, selectors.EVENT_READ, server)
            choose.register(server, selectors.EVENT_READ, caller)
            while not self.cut:
                for key, _events in choose.select(1):
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    key.data.sendall(data)


def _listen(own: str) -> socket.socket:
    """A socket that is in a namespace, wherever it is accepted from."""
    made: list[socket.socket] = []

    def make() -> None:
        with Path(f"/run/netns/{own}").open() as there:
            os.setns(there.fileno(), os.CLONE_NEWNET)
        made.append(socket.create_server(("127.0.0.1", API_PORT)))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]
