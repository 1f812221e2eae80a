# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""podman with a storage, settings and networks of its own, so that no other user of it is touched."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .host import Host
from .process import run

ROOT = Path("/var/lib/nilecare-lab")
RUN = Path("/run/nilecare-lab")

# Labels of a machine's container; they are all that is remembered of it.
LAB_LABEL = "nilecare.lab"
ADDRESS_LABEL = "nilecare.address"
HOST_KEY_LABEL = "nilecare.host-key"
OPERATOR_KEY_LABEL = "nilecare.operator-key"


class PodmanError(RuntimeError):
    """podman refused; the text is what it said."""


@dataclass(frozen=True)
class Paths:
    """Where the labs of this host live: `root` survives a restart of the host, `run` does not."""

    root: Path = ROOT
    run: Path = RUN

    @property
    def containers_conf(self) -> Path:
        """Settings of podman, in place of the host's containers.conf."""
        return self.root / "containers.conf"

    @property
    def storage_conf(self) -> Path:
        """Where images and containers are kept, in place of the host's storage.conf."""
        return self.root / "storage.conf"

    @property
    def wrapper(self) -> Path:
        """A program for people: podman as the labs use it."""
        return self.root / "podman"

    @property
    def networks(self) -> Path:
        """Directory of the networks' definitions."""
        return self.root / "networks"

    def network(self, lab: str) -> Path:
        """Definition of a lab's network."""
        return self.networks / f"{network_name(lab)}.json"

    def lab(self, lab: str) -> Path:
        """Directory with what the machines of one lab keep outside of their containers."""
        return self.root / "labs" / lab


def network_name(lab: str) -> str:
    """Return the name of a lab's network, which is the beginning of its machines' container names too."""
    return f"nilecare-{lab}"


def bridge_name(lab: str) -> str:
    """Return the name of a lab's bridge on this host (15 bytes at most)."""
    return f"nclab-{lab}"


def container_name(lab: str, machine: str) -> str:
    """Return the name of a machine's container."""
    return f"{network_name(lab)}-{machine}"


def containers_conf(host: Host, paths: Paths) -> str:
    """Render podman's settings for this host."""
    limits = {"nofile": host.file_limit, "nproc": host.process_limit}
    ulimits = ", ".join(f'"{name}={value}:{value}"' for name, value in limits.items())
    return f"""\
# Written by playbooks/lab.yml. The machines of the labs; nothing else reads this file.
[containers]
default_ulimits = [{ulimits}]
log_driver = "k8s-file"
log_size_max = 10485760
pids_limit = 0

[engine]
runtime = "{host.runtime}"
cgroup_manager = "{host.cgroup_manager}"
events_logger = "file"
# Files, not shared memory: podman has one such memory for all its storages.
lock_type = "file"
static_dir = "{paths.root}/storage/libpod"
volume_path = "{paths.root}/storage/volumes"
tmp_dir = "{paths.run}/libpod"

[network]
network_backend = "netavark"
network_config_dir = "{paths.networks}"
"""


def storage_conf(paths: Paths) -> str:
    """Render the place of podman's storage."""
    return f"""\
# Written by playbooks/lab.yml.
[storage]
driver = "overlay"
graphroot = "{paths.root}/storage"
runroot = "{paths.run}/storage"
"""


def wrapper(paths: Paths) -> str:
    """Render the program that gives people the labs' podman."""
    return f"""\
#!/bin/sh
# podman as the labs use it, for example: {paths.wrapper} ps -a
export CONTAINERS_CONF={paths.containers_conf} CONTAINERS_STORAGE_CONF={paths.storage_conf}
exec podman "$@"
"""


def network_definition(lab: str, network: str, gateway: str) -> str:
    """Render a lab's network: a bridge with the host's address on it and no way beyond this host.

    It is podman's own format. `podman network create` of version 4 cannot name the bridge, and a
    name that podman picks may be another podman's tomorrow.
    """
    name = network_name(lab)
    definition = {
        "name": name,
        "id": hashlib.sha256(name.encode()).hexdigest(),
        "driver": "bridge",
        "network_interface": bridge_name(lab),
        "created": "2026-01-01T00:00:00Z",
        "subnets": [{"subnet": network, "gateway": gateway}],
        "ipv6_enabled": False,
        "internal": True,
        "dns_enabled": False,
        "labels": {LAB_LABEL: lab},
        "ipam_options": {"driver": "host-local"},
    }
    return json.dumps(definition, indent=2) + "\n"


class Podman:
    """Runs podman with the labs' settings."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self._variables = {
            "CONTAINERS_CONF": str(paths.containers_conf),
            "CONTAINERS_STORAGE_CONF": str(paths.storage_conf),
        }

    def run(self, *arguments: str, stdin: bytes = b"", timeout: float = 300) -> str:
        """Run podman and return what it printed.

        :param timeout: seconds
        :raises PodmanError: when it fails or takes too long
        """
        try:
            result = run("podman", *arguments, stdin=stdin, timeout=timeout, variables=self._variables)
        except subprocess.TimeoutExpired:
            raise PodmanError(f"podman {arguments[0]} did not end within {timeout:.0f} s") from None
        if result.returncode:
            said = (result.stderr or result.stdout).decode(errors="replace").strip()
            raise PodmanError(f"podman {' '.join(arguments[:2])}: {said or f'exit code {result.returncode}'}")
        return result.stdout.decode(errors="replace")

    @property
    def prepared(self) -> bool:
        """Whether this host has the labs' settings; without them there is no lab."""
        return self.paths.containers_conf.exists() and self.paths.storage_conf.exists()

    def containers(self, lab: str | None = None) -> list[dict[str, Any]]:
        """Return the containers of one lab, or of all labs, as `podman ps` describes them."""
        if not self.prepared:
            return []
        label = LAB_LABEL if lab is None else f"{LAB_LABEL}={lab}"
        found: list[dict[str, Any]] = json.loads(
            self.run("ps", "--all", "--format", "json", "--filter", f"label={label}") or "[]"
        )
        return found or []

    def has_image(self, tag: str) -> bool:
        """Say whether an image with this tag is in the storage."""
        if not self.prepared:
            return False
        return bool(self.run("images", "--quiet", "--filter", f"reference={tag}").strip())

    def identifier(self, container: str) -> str:
        """The container's identifier; empty when there is no such container."""
        try:
            return self.run("container", "inspect", "--format", "{{.Id}}", container).strip()
        except PodmanError:
            return ""

    def exec(self, container: str, command: Sequence[str], timeout: float = 60) -> str:
        """Run a command in a container; its output whatever it says, for its exit code is its answer."""
        arguments = ("podman", "exec", container, *command)
        try:
            return run(*arguments, timeout=timeout, variables=self._variables).stdout.decode(errors="replace")
        except subprocess.TimeoutExpired:
            return ""
