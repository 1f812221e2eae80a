"""Frozen processes of a machine that is switched off."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.nilecare.platform.plugins.module_utils.lab.freezer import thaw

MACHINE = "0b567940def3"


def group(root: Path, container: str, path: str, frozen: bool) -> Path:
    folder = root / "libpod_parent" / f"libpod-{container}" / path
    folder.mkdir(parents=True)
    (folder / "freezer.self_freezing").write_text(f"{int(frozen)}\n")
    (folder / "freezer.state").write_text("FROZEN" if frozen else "THAWED")
    return folder


def test_what_is_frozen_below_a_machine_is_thawed_and_nothing_else(tmp_path: Path) -> None:
    frozen = group(tmp_path, MACHINE, "kubepods.slice/cri-containerd-1.scope", True)
    group(tmp_path, MACHINE, "system.slice", False)
    other = group(tmp_path, "c25ae5fd039b", "kubepods.slice/cri-containerd-2.scope", True)
    assert thaw(MACHINE, tmp_path) == [frozen]
    assert (frozen / "freezer.state").read_text() == "THAWED"
    assert (other / "freezer.state").read_text() == "FROZEN"


def test_without_a_machine_or_a_freezer_there_is_nothing_to_do(tmp_path: Path) -> None:
    group(tmp_path, MACHINE, "kubepods.slice", True)
    assert thaw("", tmp_path) == []
    assert thaw(MACHINE, tmp_path / "cgroup-v2") == []
