"""Machines as podman's containers, without podman."""

from __future__ import annotations

import socket
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.lab import firewall, machines
from ansible_collections.nilecare.platform.plugins.module_utils.lab.machines import (
    BOOT,
    MachineError,
    Machines,
    Settings,
    create_arguments,
    found_machine,
    identity_files,
    in_parallel,
    mac_address,
)
from ansible_collections.nilecare.platform.plugins.module_utils.lab.plan import Action
from ansible_collections.nilecare.platform.plugins.module_utils.lab.podman import Paths, Podman, PodmanError

SETTINGS = Settings("lab", "10.77.0.0/16", "10.77.0.1", "image:1", "ssh-ed25519 AAAA me")


class FakePodman(Podman):
    """Remembers what it was asked for; `refuse` is a verb that fails."""

    def __init__(self, paths: Paths, refuse: str = "") -> None:
        super().__init__(paths)
        self.calls: list[tuple[str, ...]] = []
        self.refuse = refuse

    def run(self, *arguments: str, stdin: bytes = b"", timeout: float = 300) -> str:
        self.calls.append(arguments)
        if arguments[0] == self.refuse:
            raise PodmanError(f"podman {arguments[0]}: refused")
        return ""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "lib", tmp_path / "run")


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def test_a_machine_is_made_with_its_own_identity() -> None:
    arguments = create_arguments(
        SETTINGS, "khartoum-1", "10.77.1.11", Path("/d/khartoum-1"), "ssh-ed25519 HOST"
    )
    assert option(arguments, "--hostname") == "khartoum-1"
    assert option(arguments, "--network") == "nilecare-lab:ip=10.77.1.11,mac=02:4e:0a:4d:01:0b"
    assert "--no-hosts" in arguments and "--dns=none" in arguments
    assert "/d/khartoum-1/etcd:/var/lib/etcd" in arguments
    assert "nilecare.host-key=ssh-ed25519 HOST" in arguments
    assert arguments[-4:] == ["image:1", "/bin/sh", "-c", BOOT]
    assert BOOT.endswith("exec /lib/systemd/systemd\n")


def test_what_is_made_is_found_again() -> None:
    arguments = create_arguments(SETTINGS, "khartoum-1", "10.77.1.11", Path("/d"), "ssh-ed25519 HOST")
    labels = dict(value.split("=", 1) for flag, value in pairwise(arguments) if flag == "--label")
    entry = {"Names": [option(arguments, "--name")], "State": "running", "Labels": labels}
    found = found_machine(entry, "nilecare-lab-")
    assert (found.name, found.address, found.running) == ("khartoum-1", "10.77.1.11", True)
    assert (found.host_key, found.operator_key) == ("ssh-ed25519 HOST", SETTINGS.operator_key)


def test_a_machine_knows_its_name_and_who_may_log_in() -> None:
    files, owners = identity_files("bahri-1", "10.77.3.11", "PRIVATE\n", "PUBLIC", "ssh-ed25519 AAAA me")
    assert files["etc/hosts"][1].endswith("10.77.3.11 bahri-1\n")
    assert files["etc/ssh/ssh_host_ed25519_key"] == (0o600, "PRIVATE\n")
    assert files["home/operator/.ssh/authorized_keys"] == (0o600, "ssh-ed25519 AAAA me\n")
    assert set(owners) == {"home/operator/.ssh/", "home/operator/.ssh/authorized_keys"}


def test_hardware_addresses_differ_and_are_locally_administered() -> None:
    assert mac_address("10.77.1.11") != mac_address("10.78.1.11")
    assert int(mac_address("10.77.1.11").split(":", maxsplit=1)[0], 16) & 3 == 2


def test_creating_starts_only_a_machine_that_has_its_identity(paths: Paths) -> None:
    podman = FakePodman(paths, refuse="cp")
    lab = Machines(podman, SETTINGS)
    with pytest.raises(MachineError, match="khartoum-1: podman cp: refused"):
        lab.carry_out([Action("create", "khartoum-1")], {"khartoum-1": "10.77.1.11"})
    assert [call[0] for call in podman.calls] == ["create", "cp"]


def test_a_new_machine_finds_no_disk_of_an_old_one(paths: Paths) -> None:
    lab = Machines(FakePodman(paths), SETTINGS)
    old = lab.directory / "khartoum-1" / "etcd" / "member"
    old.mkdir(parents=True)
    lab.carry_out([Action("create", "khartoum-1")], {"khartoum-1": "10.77.1.11"})
    assert not old.exists() and old.parent.exists()
    assert [path.name for path in sorted(old.parent.parent.iterdir())] == ["containerd", "etcd", "kubelet"]


def test_removing_takes_the_disks_along(paths: Paths) -> None:
    podman = FakePodman(paths)
    lab = Machines(podman, SETTINGS)
    (lab.directory / "khartoum-1" / "etcd").mkdir(parents=True)
    lab.carry_out([Action("remove", "khartoum-1")], {})
    assert not (lab.directory / "khartoum-1").exists()
    assert podman.calls[-1][0] == "rm" and podman.calls[-1][-1] == "nilecare-lab-khartoum-1"


class Frozen(FakePodman):
    """Its containers cannot be ended before they are thawed."""

    def run(self, *arguments: str, stdin: bytes = b"", timeout: float = 300) -> str:
        super().run(*arguments, stdin=stdin, timeout=timeout)
        return "0b567940def3" if arguments[0] == "container" else ""


@pytest.mark.parametrize(("verb", "again"), [("remove", ["rm"]), ("stop", ["wait", "wait"])])
def test_a_machine_that_cannot_end_is_thawed(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, verb: str, again: list[str]
) -> None:
    podman = Frozen(paths, refuse={"remove": "rm", "stop": "kill"}[verb])
    thawed: list[str] = []

    def thaw(container: str) -> list[Path]:
        thawed.append(container)
        if len(thawed) == 2:
            podman.refuse = ""
        return [Path("kubepods.slice")]

    monkeypatch.setattr(machines.freezer, "thaw", thaw)
    first = podman.refuse
    Machines(podman, SETTINGS).carry_out([Action(verb, "khartoum-1")], {})
    assert thawed == ["0b567940def3"] * 2
    assert [call[0] for call in podman.calls if call[0] != "container"] == [first, *again]


def test_power_is_cut_without_a_warning(paths: Paths) -> None:
    podman = FakePodman(paths)
    Machines(podman, SETTINGS).carry_out([Action("stop", "khartoum-1")], {})
    assert ("kill", "nilecare-lab-khartoum-1") in podman.calls


def test_every_failing_machine_is_named() -> None:
    def work(name: str) -> None:
        if name != "good":
            raise OSError(f"{name} broke")

    assert in_parallel(["a", "good", "b"], work) == {"a": "a broke", "b": "b broke"}


def test_an_ssh_server_is_known_by_its_greeting(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def greet(text: bytes) -> None:
            connection, _address = server.accept()
            connection.sendall(text)
            connection.close()

        for text, result in ((b"SSH-2.0-x\r\n", True), (b"HTTP", False)):
            thread = threading.Thread(target=greet, args=(text,))
            thread.start()
            assert machines.answers("127.0.0.1", port) is result
            thread.join()
    assert machines.answers("127.0.0.1", port) is False


def test_waiting_names_who_does_not_answer(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "answers", lambda address: address != "10.77.1.11")
    monkeypatch.setattr(machines, "PAUSE", 0.01)
    lab = Machines(FakePodman(paths), SETTINGS)
    addresses = {"mirror-1": "10.77.0.10", "khartoum-1": "10.77.1.11"}
    with pytest.raises(MachineError, match=r"khartoum-1: sshd at 10\.77\.1\.11 does not answer"):
        lab.wait(addresses, [], timeout=0.05)


def test_units_that_failed_while_booting_are_named(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    class Degraded(FakePodman):
        def exec(self, container: str, command: Any, timeout: float = 60) -> str:
            return "broken.service loaded failed failed Broken\n" if "--failed" in command else "degraded\n"

    monkeypatch.setattr(machines, "answers", lambda _address: True)
    boots = Machines(Degraded(paths), SETTINGS).wait({"mirror-1": "10.77.0.10"}, ["mirror-1"], timeout=1)
    assert boots["mirror-1"].failed_units == ("broken.service",)


def test_the_firewall_lets_neighbours_talk_and_nobody_else() -> None:
    accept, leave, enter = firewall.rules("nclab-lab")
    assert accept == ["--in-interface", "nclab-lab", "--out-interface", "nclab-lab", "--jump", "ACCEPT"]
    assert leave[-1] == enter[-1] == "DROP"


def test_the_firewalls_rules_end_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [["--jump", "ACCEPT"]]

    def iptables(verb: str, rule: list[str]) -> bool:
        if verb == "--insert":
            chain.insert(0, rule)
        elif verb == "--delete" and rule in chain:
            chain.remove(rule)
        elif rule not in chain:
            return False
        return True

    monkeypatch.setattr(firewall, "_iptables", iptables)
    chain.insert(0, firewall.rules("nclab-lab")[1])
    firewall.close("nclab-lab")
    assert chain == [*firewall.rules("nclab-lab"), ["--jump", "ACCEPT"]]
    assert firewall.is_closed("nclab-lab")
    assert firewall.remove("nclab-lab") and chain == [["--jump", "ACCEPT"]]
