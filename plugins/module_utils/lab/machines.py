# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The machines of one lab: find them, carry out a plan, wait until they answer."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import firewall, freezer
from .image import archive
from .plan import Action, Found
from .podman import (
    ADDRESS_LABEL,
    HOST_KEY_LABEL,
    LAB_LABEL,
    OPERATOR_KEY_LABEL,
    Podman,
    PodmanError,
    bridge_name,
    container_name,
    network_definition,
    network_name,
)
from .process import output

# Directories of a machine that are not on its overlay file system: containerd cannot stack one
# overlay on another, kubelet measures disks, etcd wants a disk that syncs.
OWN_DIRECTORIES = ("/var/lib/containerd", "/var/lib/kubelet", "/var/lib/etcd")

OPERATOR = (1000, 37)
SSH_PORT = 22
BRIDGES = "/sys/class/net"
# Making and booting costs processor time; more at once only wait for each other.
AT_ONCE = 4
PAUSE = 0.2


class MachineError(RuntimeError):
    """A machine did not do what it should; the text names it."""


@dataclass(frozen=True)
class Boot:
    """How a machine came up: seconds until sshd answered and systemd was done, and units that failed."""

    seconds: float
    failed_units: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """What all machines of a lab share. `network` is in CIDR form, `operator_key` a public SSH key."""

    lab: str
    network: str = ""
    gateway: str = ""
    image: str = ""
    operator_key: str = ""
    kernel_modules: bool = False


class Machines:
    """The machines of one lab on this host."""

    def __init__(self, podman: Podman, settings: Settings) -> None:
        self.podman = podman
        self.settings = settings
        self.directory = podman.paths.lab(settings.lab)

    def find(self) -> dict[str, Found]:
        """Return the machines that exist, switched on or not."""
        prefix = network_name(self.settings.lab) + "-"
        machines = [found_machine(entry, prefix) for entry in self.podman.containers(self.settings.lab)]
        return {machine.name: machine for machine in machines}

    def network_drift(self) -> bool:
        """Say whether the lab's network is not (or not yet) as wished."""
        path = self.podman.paths.network(self.settings.lab)
        defined = path.exists() and path.read_text() == self._network_definition()
        return not defined or not firewall.is_closed(bridge_name(self.settings.lab))

    def write_network(self) -> None:
        """Make the lab's network as wished; its bridge appears with its first machine."""
        firewall.close(bridge_name(self.settings.lab))
        path = self.podman.paths.network(self.settings.lab)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.write_text(self._network_definition())
        temporary.replace(path)

    def carry_out(self, actions: Sequence[Action], addresses: Mapping[str, str]) -> None:
        """Do all actions; those of different machines at the same time.

        :raises MachineError: when all are done or have failed, with every failure
        """
        by_machine: dict[str, list[Action]] = {}
        for action in actions:
            by_machine.setdefault(action.machine, []).append(action)
        errors = in_parallel(by_machine, lambda name: self._carry_out(by_machine[name], addresses))
        if errors:
            raise MachineError("\n".join(f"{name}: {error}" for name, error in sorted(errors.items())))

    def wait(self, addresses: Mapping[str, str], booted: Sequence[str], timeout: float) -> dict[str, Boot]:
        """Wait until sshd of every machine answers, and until those just booted have finished booting.

        :param timeout: seconds for all of them together
        :raises MachineError: with every machine that is not ready in time
        """
        start = time.monotonic()
        boots: dict[str, Boot] = {}

        def wait_for(name: str) -> None:
            self._wait_for_ssh(addresses[name], start + timeout)
            failed = self._wait_for_systemd(name, start + timeout) if name in booted else ()
            boots[name] = Boot(round(time.monotonic() - start, 1), failed)

        errors = in_parallel(addresses, wait_for, workers=max(1, len(addresses)))
        if errors:
            raise MachineError("\n".join(f"{name}: {error}" for name, error in sorted(errors.items())))
        return boots

    @property
    def rest(self) -> bool:
        """Whether anything of the lab is there besides machines."""
        bridge = bridge_name(self.settings.lab)
        places = (self.podman.paths.network(self.settings.lab), self.directory, Path(BRIDGES, bridge))
        return any(path.exists() for path in places) or firewall.is_closed(bridge)

    def remove_rest(self) -> None:
        """Remove what is left when the machines are gone: network, bridge, rules, directories."""
        bridge = bridge_name(self.settings.lab)
        if Path(BRIDGES, bridge).exists():
            output("ip", "link", "delete", bridge)
        firewall.remove(bridge)
        if self.directory.exists():
            shutil.rmtree(self.directory)
        self.podman.paths.network(self.settings.lab).unlink(missing_ok=True)

    def _network_definition(self) -> str:
        return network_definition(self.settings.lab, self.settings.network, self.settings.gateway)

    def _carry_out(self, actions: Sequence[Action], addresses: Mapping[str, str]) -> None:
        for action in actions:
            container = container_name(self.settings.lab, action.machine)
            if action.verb == "create":
                self._create(action.machine, addresses[action.machine])
            elif action.verb == "start":
                self.podman.run("start", container)
            elif action.verb == "stop":
                # Off as by the power switch: nothing is told in advance.
                self._end(container, "kill", container)
                self.podman.run("wait", container)
            elif action.verb == "remove":
                self._end(container, "rm", "--force", "--time", "0", container)
                shutil.rmtree(self.directory / action.machine, ignore_errors=True)

    def _end(self, container: str, *command: str) -> None:
        """Run a command that ends a machine, whatever of it is frozen."""
        identifier = self.podman.identifier(container)
        freezer.thaw(identifier)
        try:
            self.podman.run(*command)
        except PodmanError:
            # Frozen since: it ends now that it is thawed, and is ended already when podman is asked again.
            if not freezer.thaw(identifier):
                raise
            if self.podman.identifier(container):
                self.podman.run("rm" if command[0] == "rm" else "wait", *command[1:])

    def _create(self, name: str, address: str) -> None:
        directory = self.directory / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, mode=0o700)
        self.directory.chmod(0o700)
        for path in OWN_DIRECTORIES:
            (directory / Path(path).name).mkdir(mode=0o755)
        with tempfile.TemporaryDirectory(dir=directory) as temporary:
            private, public = make_host_key(Path(temporary))
        container = container_name(self.settings.lab, name)
        self.podman.run(*create_arguments(self.settings, name, address, directory, public))
        files, owners = identity_files(name, address, private, public, self.settings.operator_key)
        # Not podman's "archive mode", which gives every file to root.
        self.podman.run("cp", "--archive=false", "-", f"{container}:/", stdin=archive(files, owners))
        self.podman.run("start", container)

    def _wait_for_ssh(self, address: str, deadline: float) -> None:
        while not answers(address):
            if time.monotonic() > deadline:
                raise MachineError(f"sshd at {address} does not answer")
            time.sleep(PAUSE)

    def _wait_for_systemd(self, name: str, deadline: float) -> tuple[str, ...]:
        container = container_name(self.settings.lab, name)
        state = ""
        while time.monotonic() < deadline:
            command = ["systemctl", "is-system-running", "--wait"]
            state = self.podman.exec(container, command, timeout=deadline - time.monotonic()).strip()
            if state == "running":
                return ()
            if state == "degraded":
                listing = self.podman.exec(container, ["systemctl", "--failed", "--plain", "--no-legend"])
                return tuple(line.split()[0] for line in listing.splitlines() if line.strip())
            time.sleep(PAUSE)
        raise MachineError(f"systemd has not finished booting (it says {state or 'nothing'})")


def found_machine(entry: Mapping[str, Any], prefix: str) -> Found:
    """Read a machine from what podman says about its container."""
    labels = entry.get("Labels") or {}
    return Found(
        name=entry["Names"][0].removeprefix(prefix),
        address=labels.get(ADDRESS_LABEL, ""),
        status=entry["State"],
        host_key=labels.get(HOST_KEY_LABEL, ""),
        operator_key=labels.get(OPERATOR_KEY_LABEL, ""),
    )


# On cgroup v1 podman lays the host's whole name=systemd hierarchy over the machine's own. All machines
# would share it, and each kubelet would try to remove the pods of all others. So the upper one goes.
BOOT = """\
if [ "$(grep -c ' /sys/fs/cgroup/systemd cgroup ' /proc/self/mounts)" -gt 1 ]; then
  umount --lazy /sys/fs/cgroup/systemd
fi
exec /lib/systemd/systemd
"""


def create_arguments(
    settings: Settings, name: str, address: str, directory: Path, host_key: str
) -> list[str]:
    """Return podman's arguments that make a machine, not yet started."""
    network = f"{network_name(settings.lab)}:ip={address},mac={mac_address(address)}"
    arguments = ["create", "--name", container_name(settings.lab, name), "--hostname", name]
    arguments += ["--privileged", "--systemd=always", "--cgroupns=private", "--network", network]
    # The machine's own files, as on a disk of its own: podman would write them again at each start.
    arguments += ["--no-hosts", "--dns=none"]
    arguments += ["--tmpfs=/run:rw,exec,mode=755", "--tmpfs=/tmp:rw,exec,mode=1777"]
    for path in OWN_DIRECTORIES:
        arguments += ["--volume", f"{directory / Path(path).name}:{path}"]
    if settings.kernel_modules:
        arguments += ["--volume=/lib/modules:/lib/modules:ro"]
    labels = {
        LAB_LABEL: settings.lab,
        ADDRESS_LABEL: address,
        HOST_KEY_LABEL: host_key,
        OPERATOR_KEY_LABEL: settings.operator_key,
    }
    for label, value in labels.items():
        arguments += ["--label", f"{label}={value}"]
    return [*arguments, settings.image, "/bin/sh", "-c", BOOT]


def identity_files(
    name: str, address: str, private: str, public: str, operator_key: str
) -> tuple[dict[str, tuple[int, str]], dict[str, tuple[int, int]]]:
    """Return the files that make a machine this machine, and the owners of those that are not root's."""
    hosts = f"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{address} {name}\n"
    home = "home/operator/.ssh"
    files = {
        "etc/hostname": (0o644, f"{name}\n"),
        "etc/hosts": (0o644, hosts),
        "etc/ssh/ssh_host_ed25519_key": (0o600, private),
        "etc/ssh/ssh_host_ed25519_key.pub": (0o644, f"{public}\n"),
        f"{home}/": (0o700, ""),
        f"{home}/authorized_keys": (0o600, f"{operator_key}\n"),
    }
    return files, {f"{home}/": OPERATOR, f"{home}/authorized_keys": OPERATOR}


def mac_address(address: str) -> str:
    """Return a locally administered MAC address made from an IPv4 address, the same at every start."""
    return "02:4e:" + ":".join(f"{int(part):02x}" for part in address.split("."))


def make_host_key(directory: Path) -> tuple[str, str]:
    """Make an SSH host key; return its private and its public part."""
    path = directory / "key"
    output("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path))
    return path.read_text(), path.with_suffix(".pub").read_text().strip()


def answers(address: str, port: int = SSH_PORT, timeout: float = 1.0) -> bool:
    """Say whether an SSH server answers there within `timeout` seconds."""
    try:
        with socket.create_connection((address, port), timeout=timeout) as connection:
            connection.settimeout(timeout)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def in_parallel(
    names: Mapping[str, Any] | Sequence[str], work: Callable[[str], None], workers: int = AT_ONCE
) -> dict[str, str]:
    """Do `work` for each name, several at a time; return what went wrong, by name."""
    errors = {}
    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures = {name: pool.submit(work, name) for name in names}
        for name, future in futures.items():
            try:
                future.result()
            except (MachineError, PodmanError, OSError) as error:
                errors[name] = str(error)
    return errors
