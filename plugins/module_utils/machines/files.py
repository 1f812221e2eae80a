# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring many files, directories and links of one machine into a wished state.

Each file is written beside its place and renamed, so a run that is killed leaves the old file or
the new one, never half of one. Only the standard library is used: this code runs on the machines.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from .state import Change, StateError

BLOCK_BEGIN = "# BEGIN nilecare.platform (managed, do not edit)"
BLOCK_END = "# END nilecare.platform"
STATES = ("file", "directory", "link", "absent")


@dataclass(frozen=True)
class Wish:
    """One path and its wished state.

    mode is an octal number (0o644); None leaves an existing mode and gives new files 0644 and new
    directories 0755. owner and group are names or None (left alone).
    """

    path: Path
    state: str = "file"
    content: str | None = None
    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    target: str | None = None
    block: bool = False
    show_diff: bool = True


SPEC = {
    "path": {"type": "str", "required": True},
    "state": {"type": "str", "choices": list(STATES), "default": "file"},
    "content": {"type": "str"},
    "block": {"type": "bool", "default": False},
    "target": {"type": "str"},
    "mode": {"type": "str"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "show_diff": {"type": "bool", "default": True},
}


def secret_contents(wishes: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the contents that must not be seen: a module masks them wherever they would stand."""
    return {
        str(wish["content"])
        for wish in wishes
        if wish.get("content") and not boolean(wish.get("show_diff", True))
    }


def ensure(entries: Sequence[Mapping[str, Any]], check_mode: bool) -> Change:
    """Bring the paths of a module's option (see SPEC) into their state."""
    return apply_wishes([wish_of(entry) for entry in entries], check_mode)


def wish_of(entry: Mapping[str, Any]) -> Wish:
    """Return one entry of a module's option as a wish."""
    values = {name: entry[name] for name in SPEC if name not in ("path", "mode")}
    return Wish(path=Path(entry["path"]), mode=parse_mode(entry["mode"], entry["path"]), **values)


def merge_block(existing: str, content: str) -> str:
    """Return existing with our one block replaced by content, or appended where there is none.

    Empty content removes the block. Text outside the markers is never touched. A begin marker
    without its end (a damaged file) is treated as a block of that one line.
    """
    lines = existing.splitlines()
    kept: list[str] = []
    position: int | None = None
    index = 0
    while index < len(lines):
        if lines[index] == BLOCK_BEGIN:
            if position is None:
                position = len(kept)
            if BLOCK_END in lines[index:]:
                index = lines.index(BLOCK_END, index)
        else:
            kept.append(lines[index])
        index += 1
    body = content.splitlines()
    if body:
        position = len(kept) if position is None else position
        kept[position:position] = [BLOCK_BEGIN, *body, BLOCK_END]
    return "".join(f"{line}\n" for line in kept)


def parse_mode(text: str | None, path: str) -> int | None:
    """Return an octal mode such as '0644' as a number; None stays None."""
    if text is None:
        return None
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise StateError(f"{path}: mode {text!r} is not an octal mode such as '0644'")
    return mode


def check_wishes(wishes: list[Wish]) -> list[str]:
    """Return every reason why the list as a whole cannot be fulfilled."""
    problems = []
    seen: set[Path] = set()
    for wish in wishes:
        if not wish.path.is_absolute():
            problems.append(f"{wish.path}: the path must be absolute")
        if wish.path in seen:
            problems.append(f"{wish.path}: listed twice")
        seen.add(wish.path)
        if wish.state == "file" and wish.content is None:
            problems.append(f"{wish.path}: a file needs content")
        if wish.state == "link" and not wish.target:
            problems.append(f"{wish.path}: a link needs target")
        if wish.block and wish.state not in ("file", "absent"):
            problems.append(f"{wish.path}: only a file can hold a block")
    return problems


def apply_wishes(wishes: list[Wish], check_mode: bool) -> Change:
    """Fulfil all wishes in their order; in check mode only say what would change.

    Raises StateError before the first change when the list itself is wrong.
    """
    problems = check_wishes(wishes)
    if not check_mode:
        problems += [problem for wish in wishes for problem in _unknown_names(wish)]
    if problems:
        raise StateError("; ".join(problems) + "; nothing was changed")
    change = Change()
    handlers = {"file": _file, "directory": _directory, "link": _link, "absent": _absent}
    for wish in wishes:
        try:
            handlers[wish.state](wish, check_mode, change)
        except OSError as error:
            done = ", ".join(change.lines) or "nothing"
            raise StateError(f"{wish.path}: {error}; changed before that: {done}") from error
    return change


def _unknown_names(wish: Wish) -> list[str]:
    problems = []
    if wish.owner is not None and _uid(wish.owner) is None:
        problems.append(f"{wish.path}: there is no user {wish.owner!r}")
    if wish.group is not None and _gid(wish.group) is None:
        problems.append(f"{wish.path}: there is no group {wish.group!r}")
    return problems


def _uid(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def _gid(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _changed(change: Change, wish: Wish, before: str, after: str) -> None:
    change.lines.append(str(wish.path))
    if not wish.show_diff:
        before, after = "(hidden)\n" if before else "", "(hidden, changed)\n"
    change.diffs.append(
        {
            "before_header": str(wish.path),
            "after_header": str(wish.path),
            "before": before,
            "after": after,
        }
    )


def _wrong_attributes(path: Path, wish: Wish) -> list[str]:
    """Return the attributes of an existing path that differ, as 'mode 0600 -> 0644'."""
    info = path.stat()
    wrong = []
    mode = stat.S_IMODE(info.st_mode)
    if wish.mode is not None and mode != wish.mode:
        wrong.append(f"mode {mode:04o} -> {wish.mode:04o}")
    if wish.owner is not None and info.st_uid != _uid(wish.owner):
        wrong.append(f"owner {info.st_uid} -> {wish.owner}")
    if wish.group is not None and info.st_gid != _gid(wish.group):
        wrong.append(f"group {info.st_gid} -> {wish.group}")
    return wrong


def _set_attributes(path: Path, wish: Wish) -> None:
    uid = -1 if wish.owner is None else _uid(wish.owner)
    gid = -1 if wish.group is None else _gid(wish.group)
    os.chown(path, -1 if uid is None else uid, -1 if gid is None else gid)
    if wish.mode is not None:
        path.chmod(wish.mode)


def _file(wish: Wish, check_mode: bool, change: Change) -> None:
    # A link is followed: the file behind it is ours to write, the link is not.
    path = Path(os.path.realpath(wish.path))
    if path.is_dir():
        raise StateError(f"{wish.path}: is a directory, a file was expected")
    exists = path.exists()
    before = path.read_bytes() if exists else b""
    text = wish.content or ""
    if wish.block:
        text = merge_block(before.decode("utf-8", "surrogateescape"), text)
    after = text.encode("utf-8", "surrogateescape")
    if exists and before == after:
        wrong = _wrong_attributes(path, wish)
        if wrong:
            _changed(change, wish, "", "\n".join(wrong) + "\n")
            if not check_mode:
                _set_attributes(path, wish)
        return
    _changed(change, wish, before.decode("utf-8", "replace"), after.decode("utf-8", "replace"))
    if check_mode:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = wish.mode
    if mode is None:
        mode = stat.S_IMODE(path.stat().st_mode) if exists else 0o644
    write_atomically(path, after, wish, mode)


def write_atomically(path: Path, content: bytes, wish: Wish, mode: int) -> None:
    """Write content beside path and rename it there.

    A path that is a mount point of its own (containers mount /etc/hosts so) cannot be renamed
    over; it is written in place instead.
    """
    temporary = path.with_name(f".{path.name}.nilecare-new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    if path.exists() and wish.owner is None and wish.group is None:
        info = path.stat()
        os.chown(temporary, info.st_uid, info.st_gid)
    _set_attributes(temporary, wish)
    temporary.chmod(mode)
    try:
        temporary.rename(path)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        path.write_bytes(content)
        temporary.unlink()


def _directory(wish: Wish, check_mode: bool, change: Change) -> None:
    path = wish.path
    if path.exists() and not path.is_dir():
        raise StateError(f"{path}: is no directory, a directory was expected")
    if path.is_dir():
        wrong = _wrong_attributes(path, wish)
        if not wrong:
            return
        _changed(change, wish, "", "\n".join(wrong) + "\n")
    else:
        _changed(change, wish, "", "directory\n")
    if not check_mode:
        path.mkdir(parents=True, exist_ok=True)
        if wish.mode is None and wish.owner is None and wish.group is None:
            path.chmod(0o755)
        _set_attributes(path, wish)


def _link(wish: Wish, check_mode: bool, change: Change) -> None:
    target = str(wish.target)
    before = str(wish.path.readlink()) if wish.path.is_symlink() else ""
    if before == target:
        return
    if wish.path.is_dir() and not wish.path.is_symlink():
        raise StateError(f"{wish.path}: is a directory, a link to {target} was expected")
    _changed(change, wish, f"link to {before}\n" if before else "", f"link to {target}\n")
    if check_mode:
        return
    wish.path.parent.mkdir(parents=True, exist_ok=True)
    temporary = wish.path.with_name(f".{wish.path.name}.nilecare-new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.rename(wish.path)


def _absent(wish: Wish, check_mode: bool, change: Change) -> None:
    path = wish.path
    if not path.exists() and not path.is_symlink():
        return
    if wish.block:
        before = path.read_text("utf-8", "surrogateescape")
        if merge_block(before, "") != before:
            _file(Wish(path, content="", block=True), check_mode, change)
        return
    is_directory = path.is_dir() and not path.is_symlink()
    if is_directory and any(path.iterdir()):
        raise StateError(f"{path}: is a directory with content and is not removed")
    _changed(change, wish, f"{'directory' if is_directory else 'file or link'}\n", "")
    if check_mode:
        return
    if is_directory:
        path.rmdir()
    else:
        path.unlink()
