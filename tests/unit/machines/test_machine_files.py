# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files, directories and links: brought about once, left alone afterwards, never half written."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.machines.files import (
    BLOCK_BEGIN,
    BLOCK_END,
    Wish,
    apply_wishes,
    merge_block,
    parse_mode,
    secret_contents,
)
from ansible_collections.nilecare.platform.plugins.module_utils.machines.state import StateError
from hypothesis import given
from hypothesis import strategies as st

LINES = st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=8), max_size=6)


def snapshot(folder: Path) -> dict[str, tuple[str, str]]:
    """Return path → (mode, content or link target) of all below folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[path.name] = ("link", str(path.readlink()))
        else:
            mode = f"{stat.S_IMODE(path.stat().st_mode):04o}"
            found[path.name] = (mode, "" if path.is_dir() else path.read_text())
    return found


def all_kinds(folder: Path) -> list[Wish]:
    (folder / "old").write_text("old\n")
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    return [
        Wish(folder / "a/b/config", content="x = 1\n", mode=0o640),
        Wish(folder / "plain", content=""),
        Wish(folder / "folder", state="directory", mode=0o700),
        Wish(folder / "link", state="link", target="/dev/null"),
        Wish(folder / "old", state="absent"),
        Wish(folder / "hosts", content="10.0.0.1 mirror\n", block=True),
    ]


def test_second_time_nothing_changes(tmp_path: Path) -> None:
    wishes = all_kinds(tmp_path)
    first = apply_wishes(wishes, check_mode=False)
    assert len(first.lines) == len(wishes)
    before = snapshot(tmp_path)
    assert before["config"] == ("0640", "x = 1\n")
    assert before["plain"] == ("0644", "")
    assert before["folder"][0] == "0700"
    assert before["link"] == ("link", "/dev/null")
    assert "old" not in before
    assert apply_wishes(wishes, check_mode=False).lines == []
    assert snapshot(tmp_path) == before


def test_check_mode_says_the_same_and_changes_nothing(tmp_path: Path) -> None:
    wishes = all_kinds(tmp_path)
    before = snapshot(tmp_path)
    would = apply_wishes(wishes, check_mode=True)
    assert snapshot(tmp_path) == before
    assert apply_wishes(wishes, check_mode=False).lines == would.lines


def test_drifted_mode_is_mended_without_touching_content(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("secret")
    path.chmod(0o644)
    wish = Wish(path, content="secret", mode=0o600)
    before = path.stat().st_mtime_ns
    assert apply_wishes([wish], False).lines == [str(path)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_mtime_ns == before


def test_existing_mode_stays_when_none_is_wished(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("1")
    path.chmod(0o600)
    apply_wishes([Wish(path, content="2")], False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_left_over_of_a_killed_run_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".f.nilecare-new").write_text("half")
    apply_wishes([Wish(tmp_path / "f", content="whole")], False)
    assert snapshot(tmp_path) == {"f": ("0644", "whole")}


def test_mounted_file_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hosts"
    path.write_text("old")
    inode = path.stat().st_ino

    def busy(self: Path, target: Path) -> None:
        raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr(Path, "rename", busy)
    apply_wishes([Wish(path, content="new")], False)
    assert (path.read_text(), path.stat().st_ino) == ("new", inode)
    assert os.listdir(tmp_path) == ["hosts"]  # noqa: PTH208


def test_all_faults_of_the_list_are_named_and_nothing_is_changed(tmp_path: Path) -> None:
    good = tmp_path / "good"
    with pytest.raises(StateError) as caught:
        apply_wishes(
            [
                Wish(good, content="x"),
                Wish(Path("relative"), content="x"),
                Wish(good, content="y"),
                Wish(tmp_path / "link", state="link"),
                Wish(tmp_path / "o", content="", owner="nobody-of-that-name"),
            ],
            check_mode=False,
        )
    text = str(caught.value)
    for part in ("relative: ", f"{good}: listed twice", "needs target", "no user", "nothing was changed"):
        assert part in text
    assert not good.exists()


def test_unknown_owner_is_a_change_in_check_mode(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    outcome = apply_wishes([Wish(tmp_path / "f", content="x", owner="not-yet")], check_mode=True)
    assert outcome.lines == [str(tmp_path / "f")]


def test_directory_with_content_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/x").write_text("")
    with pytest.raises(StateError, match="not removed"):
        apply_wishes([Wish(tmp_path / "d", state="absent")], False)
    assert (tmp_path / "d/x").exists()


def test_hidden_content_is_not_in_the_diff(tmp_path: Path) -> None:
    outcome = apply_wishes([Wish(tmp_path / "k", content="topsecret", show_diff=False)], False)
    assert "topsecret" not in str(outcome.diffs)


@pytest.mark.parametrize("text", ["rw", "99", "0o644x", "-1", "77777"])
def test_bad_mode(text: str) -> None:
    with pytest.raises(StateError, match="octal"):
        parse_mode(text, "/f")


@given(LINES, LINES, LINES)
def test_block_is_one_and_leaves_the_rest(rest: list[str], first: list[str], second: list[str]) -> None:
    text = "".join(f"{line}\n" for line in rest)
    once = merge_block(text, "\n".join(first))
    assert merge_block(once, "\n".join(first)) == once
    twice = merge_block(once, "\n".join(second))
    assert twice.count(BLOCK_BEGIN) == (1 if "\n".join(second) else 0)
    assert merge_block(twice, "") == text


def test_damaged_block_is_replaced() -> None:
    assert merge_block(f"a\n{BLOCK_BEGIN}\nb\n", "c") == f"a\n{BLOCK_BEGIN}\nc\n{BLOCK_END}\nb\n"


def test_write_atomically_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill before the rename leaves the old file as it was."""
    path = tmp_path / "f"
    path.write_text("old")

    def killed(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        apply_wishes([Wish(path, content="new")], False)
    assert path.read_text() == "old"


def test_contents_that_must_not_be_seen() -> None:
    wishes = [
        {"path": "/a", "content": "key", "show_diff": False},
        {"path": "/b", "content": "word", "show_diff": "no"},
        {"path": "/c", "content": "open", "show_diff": True},
        {"path": "/d", "content": "open"},
        {"path": "/e", "state": "directory", "show_diff": False},
    ]
    assert secret_contents(wishes) == {"key", "word"}
