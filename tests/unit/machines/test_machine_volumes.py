"""Volumes of stores on a machine, with programs that only say what they were asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.machines import units, volumes
from ansible_collections.nilecare.platform.plugins.module_utils.machines.state import (
    Change,
    Machine,
    StateError,
)

SIZE = 2**30


class Programs:
    """Answers for programs; mkfs.xfs writes what makes a file one of its own."""

    def __init__(self) -> None:
        self.ran: list[list[str]] = []

    def __call__(self, command: list[str], **_options: Any) -> tuple[int, str, str]:
        self.ran.append(command)
        if command[0] == "mkfs.xfs":
            with Path(command[-1]).open("r+b") as stream:
                stream.write(volumes.MAGIC)
        if command[0] == "losetup" and "--associated" in command:
            return 0, "/dev/loop7\n", ""
        return 0, "", ""

    def named(self, name: str) -> list[list[str]]:
        return [command for command in self.ran if command[0] == name]


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setattr(units, "ensure", lambda _machine, _entries: Change())
    monkeypatch.setattr("os.path.ismount", lambda path: Path(path).is_dir())
    monkeypatch.setattr(Path, "is_mount", lambda path: path.is_dir())
    return Programs()


def run(tmp_path: Path, programs: Programs, size: int = SIZE, check: bool = False) -> Change:
    mount = tmp_path / "volumes" / "data-redis-0"
    if not check:
        mount.mkdir(parents=True, exist_ok=True)
    return volumes.ensure(
        Machine(programs, check),
        [{"name": "data-redis-0", "size": size}],
        volume_group="",
        preallocate=False,
        root=str(tmp_path / "volumes"),
        files_root=str(tmp_path / "files"),
        units_root=str(tmp_path / "units"),
    )


def test_a_volume_is_made_mounted_and_then_left_alone(tmp_path: Path, programs: Programs) -> None:
    assert run(tmp_path, programs).lines
    file = tmp_path / "files" / "data-redis-0.img"
    assert file.stat().st_size == SIZE
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "volumes" / "data-redis-0" / "data").is_dir()
    (unit,) = (tmp_path / "units").iterdir()
    assert unit.name.endswith(r"-data\x2dredis\x2d0.mount"), "as systemd escapes it"
    assert "Options=noatime,loop" in unit.read_text()
    assert run(tmp_path, programs).lines == []
    assert len(programs.named("mkfs.xfs")) == 1, "never formatted a second time"


def test_a_volume_grows_while_it_is_mounted(tmp_path: Path, programs: Programs) -> None:
    run(tmp_path, programs)
    programs.ran.clear()
    assert run(tmp_path, programs, 2 * SIZE).lines == ["grow data-redis-0 from 1024 MiB to 2048 MiB"]
    assert [command[0] for command in programs.ran] == ["losetup", "losetup", "xfs_growfs"]
    assert not programs.named("mkfs.xfs")


def test_nothing_shrinks(tmp_path: Path, programs: Programs) -> None:
    run(tmp_path, programs)
    programs.ran.clear()
    with pytest.raises(StateError, match="never shrink; nothing was changed"):
        run(tmp_path, programs, SIZE // 2)
    assert programs.ran == []


def test_what_is_there_is_not_formatted(tmp_path: Path, programs: Programs) -> None:
    file = tmp_path / "files" / "data-redis-0.img"
    file.parent.mkdir()
    file.write_bytes(b"patients" + bytes(SIZE - 8))
    with pytest.raises(StateError, match="holds something else"):
        run(tmp_path, programs)
    assert file.read_bytes()[:8] == b"patients"


def test_a_run_that_was_killed_while_it_made_one(tmp_path: Path, programs: Programs) -> None:
    unfinished = tmp_path / "files" / "data-redis-0.new"
    unfinished.parent.mkdir()
    unfinished.write_bytes(b"half")
    run(tmp_path, programs)
    assert (tmp_path / "files" / "data-redis-0.img").stat().st_size == SIZE
    assert not unfinished.exists()


def test_check_mode_says_it_and_does_nothing(tmp_path: Path, programs: Programs) -> None:
    assert "make data-redis-0 of 1024 MiB" in run(tmp_path, programs, check=True).lines
    assert programs.ran == []
    assert list(tmp_path.iterdir()) == []


def test_a_volume_too_small_for_its_file_system(tmp_path: Path, programs: Programs) -> None:
    with pytest.raises(StateError, match="expected 300 MiB or more"):
        run(tmp_path, programs, 2**20)
