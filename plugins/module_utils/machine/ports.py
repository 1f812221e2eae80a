# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who listens on which TCP port. Reads /proc; standard library, Python 3.9+."""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Any

LISTEN = "0A"
"""State TCP_LISTEN in /proc/net/tcp."""


def parse_listeners(text: str) -> list[tuple[str, int, str]]:
    """(address, port, socket inode) of every listening socket in the text of /proc/net/tcp or tcp6."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTEN:
            address, port = fields[1].split(":")
            found.append((parse_address(address), int(port, 16), fields[9]))
    return found


def parse_address(text: str) -> str:
    """An address as /proc/net/tcp writes it: hexadecimal 32-bit words in the machine's byte order."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    packed = b"".join(struct.pack("=I", word) for word in words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)


def owners(proc: Path, inodes: Collection[str]) -> dict[str, tuple[int, str]]:
    """Socket inode → (process id, command name of at most 15 characters) for the sockets asked for."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, tuple[int, str]] = {}
    for directory in proc.iterdir() if wanted else ():
        if not directory.name.isdigit():
            continue
        try:
            for descriptor in (directory / "fd").iterdir():
                target = str(descriptor.readlink())
                if target in wanted:
                    name = (directory / "comm").read_text(encoding="utf-8").strip()
                    found[wanted[target]] = (int(directory.name), name)
        except OSError:
            continue  # the process has ended meanwhile
    return found


def listeners(proc: Path, ports: Collection[int]) -> list[dict[str, Any]]:
    """Sockets that listen on one of the ports: address, port, process ("" unknown), pid (0 unknown)."""
    sockets = []
    for name in ("net/tcp", "net/tcp6"):
        try:
            text = (proc / name).read_text(encoding="ascii")
        except OSError:
            continue
        sockets += [entry for entry in parse_listeners(text) if entry[1] in ports]
    holders = owners(proc, {inode for _address, _port, inode in sockets})
    result = []
    for address, port, inode in sorted(sockets, key=lambda entry: (entry[1], entry[0])):
        pid, process = holders.get(inode, (0, ""))
        result.append({"address": address, "port": port, "process": process, "pid": pid})
    return result
