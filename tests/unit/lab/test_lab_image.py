"""The recipe of the machines' image."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.lab import image

RECIPE = image.Recipe()


def test_the_key_is_that_of_the_recipe() -> None:
    assert RECIPE.key == image.Recipe().key
    assert RECIPE.key != replace(RECIPE, packages=(*image.PACKAGES, "vim")).key
    assert RECIPE.key != replace(RECIPE, suite="trixie").key
    assert RECIPE.tag.endswith(f":{RECIPE.key}")


def test_what_runs_in_the_image_decides_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RECIPE.key
    monkeypatch.setattr(image, "FINISH", image.FINISH + "true\n")
    assert RECIPE.key != before


def test_added_files_are_packed_the_same_every_time() -> None:
    assert RECIPE.files_archive() == RECIPE.files_archive()
    with tarfile.open(fileobj=io.BytesIO(RECIPE.files_archive())) as tar:
        members = {member.name: member for member in tar.getmembers()}
    assert members["etc/sudoers.d/operator"].mode == 0o440
    assert members["etc/systemd/system/getty@.service"].linkname == "/dev/null"
    assert {(member.uid, member.mtime) for member in members.values()} == {(0, image.EPOCH)}


def test_owners_and_directories_are_kept() -> None:
    packed = image.archive({"a/": (0o700, ""), "a/b": (0o600, "text")}, {"a/b": (1000, 37)})
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        folder, file = tar.getmembers()
    assert folder.isdir() and folder.mode == 0o700
    assert (file.uid, file.gid, file.size) == (1000, 37, 4)


def test_only_the_suite_and_its_updates_are_taken_from_the_host() -> None:
    targets = (
        "http://mirror.example/debian/|bookworm|main\n"
        "http://mirror.example/debian/|bookworm|contrib\n"
        "http://mirror.example/debian/|bookworm|main\n"
        "http://mirror.example/security/|bookworm-security|main\n"
        "http://other.example/|stable|main\n"
    )
    assert image.sources(targets, "bookworm").splitlines() == [
        "deb http://mirror.example/debian/ bookworm main",
        "deb http://mirror.example/security/ bookworm-security main",
    ]


def test_a_host_without_debian_is_told_what_is_missing() -> None:
    with pytest.raises(image.ImageError, match="no source of Debian bookworm"):
        image.sources("http://ubuntu.example/|noble|main\n", "bookworm")


def test_settings_that_reach_the_mirror_are_passed_on() -> None:
    dump = (
        'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::Check-Valid-Until "false";\n'
        'Acquire::Languages:: "none";\n'
        'APT::Install-Recommends "0";\n'
    )
    assert image.apt_options(dump) == [
        'Acquire::http::Proxy "http://proxy.example:3128"',
        'Acquire::Check-Valid-Until "false"',
    ]


def test_a_made_image_is_not_made_again(tmp_path: Path) -> None:
    made = image.archive_path(RECIPE, tmp_path)
    made.parent.mkdir(parents=True)
    made.write_bytes(b"there")
    assert image.build(RECIPE, tmp_path) == made


def test_a_failed_build_leaves_no_image_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = shutil.which("sh") or "sh"
    monkeypatch.setattr(
        image, "mmdebstrap_command", lambda *_: [shell, "-c", "echo E: no such package >&2; exit 1"]
    )
    monkeypatch.setattr(image, "host_sources", lambda _suite: "")
    monkeypatch.setattr(image, "host_apt_options", list)
    with pytest.raises(image.ImageError, match="no such package"):
        image.build(RECIPE, tmp_path)
    assert list((tmp_path / RECIPE.key).iterdir()) == []


def test_the_finishing_script_is_valid_shell() -> None:
    subprocess.run(["sh", "-n"], input=image.FINISH.encode(), check=True)
