"""A member's two processes, as its pod has them, and the group of three with what is around it.

The server runs from the image's files, read-only, as the role's ConfigMap starts it; the agent is the role's,
with the rights that the role gives it, before a real API server.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.bundle.registry_store import blob_path
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Tier
from ansible_collections.nilecare.platform.plugins.module_utils.stores import mysql, mysql_server
from ansible_collections.nilecare.platform.plugins.module_utils.stores.common import metadata
from ansible_collections.nilecare.platform.plugins.module_utils.stores.model import Declaration, Store

from tests.module import binaries
from tests.module.control_plane import ControlPlane
from tests.unit.stores.conftest import STORE

from . import network, tls

UID = 999
AGENT = Path(__file__).parents[2] / "roles/mysql/files"
LAB = replace(
    STORE,
    name="mysql",
    engine="mysql",
    image="docker.io/library/mysql",
    version="9.7.4",
    size=2**30,
    tier=Tier("medium", 50, 2000, 192 * 2**20, 768 * 2**20),
    machines=("khartoum-1", "omdurman-1", "bahri-1"),
    callers=(),
    declarations=(Declaration("ehr", "clinical", ("clinical",)), Declaration("auth", "infra", ("auth_1",))),
)

# What a pod's container sees: the image's files, and its mounts.
ENTER = """\
set -e
root=$1 own=$2
shift 2
mount --bind "$root" "$root"
mount --bind "$own/etc" "$root/etc/store"
mount --bind "$own/tls" "$root/etc/store-tls"
mount --bind "$own/data" "$root/var/lib/mysql"
mount --bind "$own/run" "$root/var/run/mysqld"
mount --bind "$own/tmp" "$root/tmp"
mount --bind /etc/hosts "$root/etc/hosts"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
exec chroot --userspec=999:999 "$root" "$@"
"""
ASK = ["/usr/bin/mysql", "--no-defaults", f"--socket={mysql_server.SOCKET}", "--user=root"]


def image_root(directory: Path) -> Path:
    """The files of the bundle's image."""
    images = binaries._bundle() / "images"
    tags = images / "docker/registry/v2/repositories" / LAB.image.partition("/")[2] / "_manifests/tags"
    if not tags.is_dir():
        tags = images / "docker/registry/v2/repositories" / LAB.image / "_manifests/tags"
    link = tags / LAB.version / "current/link"
    manifest = json.loads(blob_path(images, link.read_text().strip()).read_text())
    for layer in manifest["layers"]:
        with tarfile.open(blob_path(images, layer["digest"])) as archive:
            archive.extractall(directory, filter="fully_trusted")
    for path in ("etc/store", "etc/store-tls", "var/run/mysqld"):
        (directory / path).mkdir(parents=True, exist_ok=True)
    (directory / "etc/hosts").touch()
    return directory


class Member:
    """One of three."""

    def __init__(self, group: Group, number: int) -> None:
        self.group, self.number = group, number
        self.name = group.store.members[number]
        self.directory = group.directory / self.name
        self.small = False
        self._server: subprocess.Popen[bytes] | None = None
        self._agent: subprocess.Popen[bytes] | None = None
        for name in ("etc", "tls", "data", "run", "tmp", "account"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        for name in ("data", "run", "tmp"):
            os.chown(self.directory / name, UID, UID)
        self.directory.chmod(0o755)

    def give_small_volume(self, megabytes: int) -> None:
        """A file system of its own, as the role storage makes one."""
        data, image = self.directory / "data", self.directory / "volume.img"
        with image.open("wb") as file:
            file.truncate(megabytes * 2**20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(data)], check=True)
        shutil.rmtree(data / "lost+found", ignore_errors=True)
        os.chown(data, UID, UID)
        self.small = True

    def start(self) -> None:
        """As the kubelet starts a pod."""
        self.start_server()
        self.start_agent()

    def start_server(self) -> None:
        inside = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "enter"]
        inside += [str(self.group.root), str(self.directory)]
        inside += ["/bin/sh", "/etc/store/start.sh", "/usr/sbin"]
        domain = mysql.members_domain(self.group.store)
        environment = {"HOME": "/tmp", "LC_ALL": "C.UTF-8", "DOMAIN": domain, "MEMBER": self.name}
        environment |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        environment["REPLICATOR_PASSWORD"] = self.group.password
        self._server = self._run("server", inside, environment)

    def start_agent(self) -> None:
        """The agent's account is where Kubernetes puts it."""
        account = "/var/run/secrets/kubernetes.io/serviceaccount"
        mount = f'mkdir -p {account} && mount --bind "$1" {account} && mount --bind "$2" /var/run/mysqld'
        mount += ' && mount --bind "$3" /etc/store-tls && shift 3 && exec "$@"'
        command = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            f"mkdir -p /var/run/mysqld /etc/store-tls && {mount}",
            "x",
        ]
        command += [str(self.directory / name) for name in ("account", "run", "tls")]
        command += ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
        command += [
            "/usr/bin/python3" if Path("/usr/bin/python3").exists() else "python3",
            "-m",
            "mysql_agent",
        ]
        store = self.group.store
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{AGENT}:{self.group.libraries}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MEMBER": self.name,
            "MEMBERS": ",".join(store.members),
            "STORE": store.name,
            "NAMESPACE": store.namespace,
            "DOMAIN": mysql.members_domain(store),
            "AUTHORITIES": "/var/run/mysqld/ca.crt",
            "DATA": str(self.directory / "data"),
            "POD_IP": network.address(self.number),
            "MACHINE": store.machines[self.number],
            "REPLICATOR_PASSWORD": self.group.password,
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(network.API_PORT),
        }
        self._agent = self._run("agent", command, environment)

    def _run(self, name: str, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.directory / f"{name}.log").open("ab") as log:
            os.fchown(log.fileno(), UID, UID)
            return subprocess.Popen(
                ["ip", "netns", "exec", network.namespace(self.number), *command],
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def kill(self) -> None:
        """As a power cut does."""
        self.kill_server()
        if self._agent is not None:
            self._agent.kill()
            self._agent.wait()
            self._agent = None

    def kill_server(self) -> None:
        """Killed, the first process takes the whole of its process namespace with it."""
        pid = self.server_pid()
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._server is not None:
            self._server.wait(timeout=30)
            self._server = None

    def stop(self) -> None:
        """As the kubelet ends a pod."""
        if self._agent is not None:
            self._agent.terminate()
        pid = self.server_pid()
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        if self._server is not None:
            self._server.wait(timeout=120)
        self.kill()

    def server_pid(self) -> int:
        """Of the first process in the member's own process namespace: the start script."""
        if self._server is None or self._server.poll() is not None:
            return 0
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def resident(self) -> int:
        """MiB of memory that the server's processes use."""
        total, left = 0, [self.server_pid()]
        while left:
            pid = left.pop()
            with suppress(OSError, StopIteration):
                left += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                total += int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
        return total // 1024

    def ask(self, text: str, timeout: float = 30) -> str:
        """As ``kubectl exec`` does: as root, in the pod."""
        return self.execute([*ASK, "--batch", "--raw", "--skip-column-names"], text, timeout)

    def execute(self, command: list[str], text: str, timeout: float = 30) -> str:
        """Run a program in the member's container."""
        pid = self.server_pid()
        if not pid:
            raise ValueError(f"{self.name} is not running")
        enter = ["nsenter", f"--target={pid}", "--mount", "--pid", "--net"]
        done = subprocess.run(
            [*enter, "chroot", f"--userspec={UID}:{UID}", str(self.group.root), *command],
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise ValueError(f"{self.name}: {done.stderr.strip()[-400:]}")
        return done.stdout

    @property
    def state(self) -> str:
        """``ONLINE PRIMARY``, or what else it says of itself."""
        question = (
            "SELECT CONCAT(MEMBER_STATE, ' ', MEMBER_ROLE) FROM performance_schema.replication_group_members"
            " WHERE MEMBER_ID = @@server_uuid"
        )
        try:
            return self.ask(question).strip() or "OFFLINE"
        except (ValueError, subprocess.TimeoutExpired) as error:
            return f"away ({error})"

    def takes_writes(self) -> bool:
        """Whether a client could write to it now."""
        try:
            return self.ask("SELECT NOT @@read_only AND NOT @@offline_mode").strip() == "1"
        except (ValueError, subprocess.TimeoutExpired):
            return False

    def log(self, name: str = "agent", lines: int = 30) -> str:
        return "\n".join((self.directory / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])


class Group:
    """Three members, the API server, and the certificates."""

    def __init__(self, directory: Path, libraries: Path, settings: dict[str, Any] | None = None) -> None:
        self.directory, self.libraries = directory, libraries
        self.store: Store = LAB
        self.settings = settings or {}
        self.password = f"it's \\{secrets.token_urlsafe(12)}"
        self.root = directory / "root"
        self.certificates = directory / "ca"
        self.issuer_root = tls.Issuer("root")
        self.issuer = tls.Issuer("data", self.issuer_root)
        self.objects = mysql.render(self.store, self.settings)
        names = {
            network.address(number): f"{self.store.member_address(member)} {member}"
            for number, member in enumerate(self.store.members)
        }
        self.networks = network.Networks(names)
        self.members: list[Member] = []
        self.plane: ControlPlane | None = None

    def up(self) -> None:
        """Everything but the members' processes."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        if not self.root.is_dir():
            self.root.mkdir()
            image_root(self.root)
        self.networks.up()
        (self.directory / "plane").mkdir(exist_ok=True)
        self.plane = ControlPlane(self.directory / "plane", binaries.find())
        self.plane.start()
        self.networks.lead_to_api(self.plane.port)
        files = next(obj for obj in self.objects if obj["kind"] == "ConfigMap")["data"]
        names = next(obj for obj in self.objects if obj["kind"] == "Certificate")["spec"]["dnsNames"]
        self.certificates.mkdir(exist_ok=True)
        (self.certificates / "ca.crt").write_bytes(self.issuer_root.pem)
        token = self._register()
        for number in range(3):
            member = Member(self, number)
            self.members.append(member)
            for name, text in files.items():
                (member.directory / "etc" / name).write_text(text)
            tls.write(member.directory / "tls", names, UID, self.issuer, self.issuer_root)
            shutil.copy(self.plane.authority.file, member.directory / "account/ca.crt")
            (member.directory / "account/token").write_text(token)
            (member.directory / "account/ca.crt").chmod(0o644)

    def _register(self) -> str:
        """The objects that agents deal with, and their account's token."""
        plane = self.plane
        assert plane is not None
        with plane.client() as client:
            client.apply(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.store.namespace}}
            )
            for obj in self.objects:
                if obj["kind"] in ("Role", "RoleBinding", "Lease", "EndpointSlice"):
                    client.apply(obj)
            account = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": self.store.name, "namespace": "default"},
            }
            uid = client.apply(account).object["metadata"]["uid"]
            # The test's tokens are of the namespace default.
            binding = next(obj for obj in self.objects if obj["kind"] == "RoleBinding")
            subject = {"kind": "ServiceAccount", "name": self.store.name, "namespace": "default"}
            about = metadata(self.store, "test")
            client.apply({**binding, "metadata": about, "subjects": [subject]})
        return plane.token(self.store.name, uid, 86400)

    def client(self) -> Client:
        assert self.plane is not None
        return self.plane.client()

    def lease(self) -> dict[str, Any]:
        with self.client() as client:
            found = client.get("coordination.k8s.io/v1", "Lease", self.store.name, self.store.namespace)
        assert found is not None
        return found

    def writer_address(self) -> str:
        """Where the writers' Service leads; empty when nowhere."""
        with self.client() as client:
            name = f"{self.store.name}-writer"
            found = client.get("discovery.k8s.io/v1", "EndpointSlice", name, self.store.namespace) or {}
        endpoints = found.get("endpoints") or []
        return str(endpoints[0]["addresses"][0]) if endpoints else ""

    def states(self) -> list[str]:
        return [member.state for member in self.members]

    def healthy(self) -> bool:
        """One member writes and is where writers are led, two follow."""
        states = self.states()
        if sorted(states) != ["ONLINE PRIMARY", "ONLINE SECONDARY", "ONLINE SECONDARY"]:
            return False
        writing = [member.number for member in self.members if member.takes_writes()]
        primary = states.index("ONLINE PRIMARY")
        return writing == [primary] and self.writer_address() == network.address(primary)

    def primary(self) -> Member:
        states = self.states()
        return self.members[states.index("ONLINE PRIMARY")]

    def down(self) -> None:
        for member in self.members:
            member.kill()
            if member.small:
                subprocess.run(["umount", str(member.directory / "data")], check=False)
        if self.plane is not None:
            self.plane.stop()
        self.networks.down()


def until(true: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait, and say for how many seconds."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.5)
    return time.monotonic() - began
