# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Three members of etcd on the loopback device, and a writer of known content."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.nilecare.platform.plugins.module_utils.backup.errors import BackupError
from ansible_collections.nilecare.platform.plugins.module_utils.backup.etcd import Access, Member
from ansible_collections.nilecare.platform.plugins.module_utils.backup.programs import Programs
from ansible_collections.nilecare.platform.plugins.module_utils.backup.static_pods import Places

from tests.module.control_plane import free_port

NAMES = ("bahri-1", "khartoum-1", "omdurman-1")


@dataclass
class Cluster:
    """Its members by name: data below the folder of the member, manifests as a control plane has them."""

    home: Path
    programs: Programs
    ports: dict[str, tuple[int, int]]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def peers(self) -> Mapping[str, str]:
        return {name: f"http://127.0.0.1:{peer}" for name, (_client, peer) in self.ports.items()}

    def access(self, name: str) -> Access:
        return Access(f"http://127.0.0.1:{self.ports[name][0]}")

    def member(self, name: str) -> Member:
        return Member(self.programs, self.access(name), patience=10)

    def data(self, name: str) -> Path:
        return self.home / name / "data"

    def places(self, name: str) -> Places:
        """Folders of a control plane, and a list of processes that has none."""
        home = self.home / name
        return Places(home / "manifests", home / "held", home / "proc")

    def start(self, name: str) -> None:
        client, peer = self.ports[name]
        home = self.home / name
        (home / "manifests").mkdir(parents=True, exist_ok=True)
        (home / "proc").mkdir(exist_ok=True)
        if not (home / "held" / "etcd.yaml").exists():
            (home / "manifests" / "etcd.yaml").touch()
        words = ",".join(f"{each}={url}" for each, url in self.peers.items())
        with (home / "log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [
                    self.programs.path("etcd"),
                    f"--name={name}",
                    f"--data-dir={self.data(name)}",
                    f"--listen-client-urls=http://127.0.0.1:{client}",
                    f"--advertise-client-urls=http://127.0.0.1:{client}",
                    f"--listen-peer-urls=http://127.0.0.1:{peer}",
                    f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                    f"--initial-cluster={words}",
                    "--heartbeat-interval=500",
                    "--election-timeout=5000",
                    "--log-level=warn",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self, name: str) -> None:
        """As by a power cut."""
        process = self.processes.pop(name, None)
        if process is not None:
            process.kill()
            process.wait(timeout=30)

    def wait(self, seconds: float = 120) -> None:
        """Until every member answers with a majority behind it."""
        deadline = time.monotonic() + seconds
        for name in self.ports:
            while True:
                try:
                    self.member(name).check_quorum()
                    break
                except BackupError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.3)

    def put(self, key: str, value: str) -> None:
        """Write, by any member that answers."""
        ends = ",".join(f"http://127.0.0.1:{client}" for client, _peer in self.ports.values())
        self.programs.run(
            "etcdctl", f"--endpoints={ends}", "--command-timeout=5s", "put", key, value, patience=10
        )

    def keys(self, name: str, prefix: str) -> set[str]:
        """Keys below a prefix, as a member has them."""
        said = self.programs.run(
            "etcdctl", f"--endpoints={self.access(name).endpoint}", "get", prefix, "--prefix", "--keys-only"
        )
        return set(said.decode().split())


@contextlib.contextmanager
def running(home: Path, programs: Programs) -> Iterator[Cluster]:
    """The cluster, while it runs."""
    cluster = Cluster(home, programs, {name: (free_port(), free_port()) for name in NAMES})
    try:
        for name in NAMES:
            cluster.start(name)
        cluster.wait()
        yield cluster
    finally:
        for name in NAMES:
            cluster.stop(name)


class Writer:
    """Writes key after key; remembers those that were acknowledged."""

    def __init__(self, cluster: Cluster, prefix: str) -> None:
        self.cluster = cluster
        self.prefix = prefix
        self.acknowledged: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def _write(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            key = f"{self.prefix}{number:06d}"
            with contextlib.suppress(BackupError):
                self.cluster.put(key, f"value of {key}")
                self.acknowledged.append(key)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join(timeout=60)

    def until(self, count: int, seconds: float = 120) -> None:
        """Wait until so many writes were acknowledged."""
        deadline = time.monotonic() + seconds
        while len(self.acknowledged) < count:
            assert time.monotonic() < deadline, f"{len(self.acknowledged)} of {count} writes"
            time.sleep(0.1)
