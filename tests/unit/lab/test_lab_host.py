"""What a host lets a lab do, and the settings that follow from it."""

from __future__ import annotations

import json
import resource
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.lab import host, podman
from ansible_collections.nilecare.platform.plugins.module_utils.lab.host import KERNEL_MINIMUMS, Host
from ansible_collections.nilecare.platform.plugins.module_utils.lab.requirements import (
    GIB,
    Need,
    need,
    overlaps,
    shortages,
)

LAPTOP = Host(
    cgroup_version=2,
    systemd=True,
    file_limit=1048576,
    process_limit=1048576,
    missing_programs=(),
    runtimes=("crun",),
    podman_version=(5, 4, 2),
    kernel_modules=True,
    kernel=dict(KERNEL_MINIMUMS),
)
SMALL = replace(
    LAPTOP, cgroup_version=1, systemd=False, file_limit=20000, process_limit=30000, runtimes=("runc", "crun")
)


def settings(here: Host) -> dict[str, dict[str, object]]:
    return tomllib.loads(podman.containers_conf(here, podman.Paths()))


def test_a_laptop_and_a_small_host_get_different_settings() -> None:
    assert LAPTOP.problems() == SMALL.problems() == []
    laptop, small = settings(LAPTOP), settings(SMALL)
    assert (laptop["engine"]["runtime"], laptop["engine"]["cgroup_manager"]) == ("crun", "systemd")
    assert (small["engine"]["runtime"], small["engine"]["cgroup_manager"]) == ("runc", "cgroupfs")
    assert small["containers"]["default_ulimits"] == ["nofile=20000:20000", "nproc=30000:30000"]


def test_no_place_of_another_podman_is_used() -> None:
    engine = settings(LAPTOP)["engine"]
    storage = tomllib.loads(podman.storage_conf(podman.Paths()))["storage"]
    places = [engine["static_dir"], engine["volume_path"], engine["tmp_dir"]]
    places += [storage["graphroot"], storage["runroot"], settings(LAPTOP)["network"]["network_config_dir"]]
    assert all("nilecare-lab" in str(place) for place in places)
    assert engine["lock_type"] == "file"


def test_everything_that_is_missing_is_told_at_once() -> None:
    bad = replace(SMALL, missing_programs=("mmdebstrap", "netavark"), runtimes=(), podman_version=(3, 4))
    said = "\n".join(bad.problems())
    for word in ("mmdebstrap", "netavark", "runc", "podman 3.4"):
        assert word in said


def test_crun_alone_is_refused_with_cgroup_version_1() -> None:
    assert "needs runc" in replace(SMALL, runtimes=("crun",)).problems()[0]


def test_limits_of_the_kernel_are_raised_and_never_lowered() -> None:
    name = "fs.inotify.max_user_instances"
    low = replace(LAPTOP, kernel={**KERNEL_MINIMUMS, name: 128})
    assert low.kernel_changes() == {name: KERNEL_MINIMUMS[name]}
    high = replace(LAPTOP, kernel={key: value * 9 for key, value in KERNEL_MINIMUMS.items()})
    assert high.kernel_changes() == {}


@pytest.mark.parametrize(
    ("hard", "may_raise", "result"),
    [(20000, False, 20000), (20000, True, 1048576), (resource.RLIM_INFINITY, False, 1048576)],
)
def test_a_limit_is_what_this_process_may_give(
    monkeypatch: pytest.MonkeyPatch, hard: int, may_raise: bool, result: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (1024, hard))
    assert host._limit(resource.RLIMIT_NOFILE, may_raise, 1048576) == result


def test_routes_are_read_without_the_default_route(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = (
        "default via 192.0.2.1 dev eth0\n192.0.2.0/24 dev eth0 proto kernel\n10.9.9.9 dev wg0 scope link\n"
    )
    monkeypatch.setattr(host, "output", lambda *_: routes)
    assert host.host_networks() == {"192.0.2.0/24": "eth0", "10.9.9.9": "wg0"}


def test_free_disk_is_that_of_the_nearest_folder(tmp_path: Path) -> None:
    assert host.available_disk(tmp_path / "not" / "there" / "yet") > 0


def test_a_network_of_this_host_is_not_hidden() -> None:
    routes = {"10.77.4.0/24": "wg0", "192.0.2.0/24": "eth0", "10.77.0.0/16": "nclab-lab"}
    problems = overlaps("10.77.0.0/16", routes, "nclab-lab")
    assert len(problems) == 1
    assert "10.77.4.0/24" in problems[0] and "wg0" in problems[0]


def test_memory_and_disk_are_said_with_both_numbers() -> None:
    wanted = need(7, memory_each=0.8, disk_each=1.5, disk_base=4)
    assert wanted == Need(int(5.6 * GIB), int(14.5 * GIB))
    said = shortages(wanted, memory=2 * GIB, disk=20 * GIB, machines=7, directory="/var/lib/x")
    assert said == ["memory: 7 more machines need 5.6 GiB, 2.0 GiB are available"]
    assert "14.5 GiB in /var/lib/x" in shortages(wanted, 8 * GIB, GIB, 7, "/var/lib/x")[0]
    assert shortages(wanted, 8 * GIB, 20 * GIB, 7, "/var/lib/x") == []


def test_nothing_new_needs_nothing() -> None:
    assert need(0, 0.8, 1.5, 4) == Need(0, 0)


def test_a_lab_network_is_closed_and_its_own() -> None:
    definition = json.loads(podman.network_definition("dev", "10.79.0.0/16", "10.79.0.1"))
    other = json.loads(podman.network_definition("lab", "10.77.0.0/16", "10.77.0.1"))
    assert definition["internal"] is True and definition["dns_enabled"] is False
    assert definition["subnets"] == [{"subnet": "10.79.0.0/16", "gateway": "10.79.0.1"}]
    for key in ("id", "name", "network_interface"):
        assert definition[key] != other[key]
    assert len(podman.bridge_name("a" * 9)) <= 15
