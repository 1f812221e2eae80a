# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Steps in their order on a machine that only remembers what was run on it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.machines import packages, steps, units
from ansible_collections.nilecare.platform.plugins.module_utils.machines.state import Machine, StateError

Reply = Callable[[list[str]], tuple[int, str, str]]


class Recorder:
    """Stands for AnsibleModule.run_command."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_options: object) -> tuple[int, str, str]:
        self.commands.append(command)
        return self.reply(command)

    def programs(self) -> list[str]:
        """Return 'program first-word-without-dash' of every command."""
        return [
            " ".join([c[0], *[word for word in c[1:] if not word.startswith("-")][:1]]) for c in self.commands
        ]


def machine(reply: Reply, check_mode: bool = False) -> tuple[Machine, Recorder]:
    recorder = Recorder(reply)
    return Machine(recorder, check_mode), recorder


def nothing(_command: list[str]) -> tuple[int, str, str]:
    return 0, "", ""


def test_all_faults_of_all_steps_before_any_change(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with pytest.raises(StateError) as caught:
        steps.ensure(
            machine(nothing)[0],
            [
                {"name": "good", "files": [{"path": str(path), "content": "x"}]},
                {"name": "empty"},
                {"name": "two", "locales": ["a.b"], "packages": {"names": ["x"]}},
                {"name": "typo", "packages": {"nmaes": ["x"]}},
                {"name": "bad unit", "units": [{"name": "x.service", "state": "runing"}]},
            ],
        )
    text = str(caught.value)
    for part in ("empty: exactly one", "two: exactly one", "typo: ", "nmaes", "bad unit: ", "runing"):
        assert part in text
    assert text.endswith("nothing was changed")
    assert not path.exists()


def test_only_changed_steps_are_returned(tmp_path: Path) -> None:
    wanted = [
        {"name": "one", "files": [{"path": str(tmp_path / "a"), "content": "1"}]},
        {"name": "two", "files": [{"path": str(tmp_path / "b"), "content": "2"}]},
    ]
    (tmp_path / "a").write_text("1")
    done = steps.ensure(machine(nothing)[0], wanted)
    assert [(name, change.lines) for name, change in done] == [("two", [str(tmp_path / "b")])]
    assert steps.ensure(machine(nothing)[0], wanted) == []


def test_failing_step_is_named_with_what_was_done_before(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"^second: .*\(changed before this step: first\)$"):
        steps.ensure(
            machine(nothing)[0],
            [
                {"name": "first", "files": [{"path": str(tmp_path / "a"), "content": "1"}]},
                {"name": "second", "files": [{"path": "relative", "content": "1"}]},
            ],
        )


def apt(installed: set[str]) -> Reply:
    """A dpkg that knows the installed packages, and an apt-get that installs."""

    def reply(command: list[str]) -> tuple[int, str, str]:
        if command[0] == "dpkg-query":
            return 1, "".join(f"{name}\tii \t1\n" for name in command[3:] if name in installed), ""
        if command[0] == "dpkg":
            return (0 if command[2] >= command[4] else 1), "", ""
        if "install" in command:
            if "broken=1" in command:
                return 100, "", "E: Unable to locate package broken\n"
            installed.update(word.split("=")[0] for word in command if "=" not in word or word[0] != "-")
        return 0, "", ""

    return reply


def test_one_call_for_all_missing_packages() -> None:
    there, recorder = machine(apt({"kmod"}))
    assert packages.ensure(there, ["kmod", "chrony", "haproxy=1"]).lines == ["chrony", "haproxy=1"]
    assert recorder.programs() == ["dpkg-query kmod", "apt-get update", "apt-get install", "dpkg-query kmod"]
    assert recorder.commands[2][-2:] == ["chrony", "haproxy=1"]
    assert packages.ensure(there, ["kmod", "chrony", "haproxy=1"]).lines == []


def test_older_version_is_raised_and_newer_left() -> None:
    there, recorder = machine(apt({"kmod"}), check_mode=True)
    assert packages.ensure(there, ["kmod=2"]).lines == ["kmod=2"]
    assert packages.ensure(there, ["kmod=0"]).lines == []
    assert not any(command[0] == "apt-get" for command in recorder.commands)


def test_given_files_are_installed_without_any_source() -> None:
    there, recorder = machine(apt(set()))
    packages.ensure(there, ["rsync"], files=["/b/rsync.deb", "rsync"])
    assert "apt-get update" not in recorder.programs()
    assert "--option=Dir::Etc::SourceList=/dev/null" in recorder.commands[1]


def test_apt_fails_in_its_own_words() -> None:
    with pytest.raises(StateError, match="E: Unable to locate package broken"):
        packages.ensure(machine(apt(set()))[0], ["broken=1"])


def systemd(active: dict[str, str], condition: str = "yes") -> Reply:
    """A systemd whose units do what they are told, but those named 'bad' fail."""

    def show(name: str) -> str:
        state = active.get(name)
        return (
            f"Id={name}\nLoadState={'loaded' if state else 'not-found'}\nActiveState={state or 'inactive'}\n"
            f"UnitFileState=enabled\nConditionResult={condition}\nNeedDaemonReload=no\n"
        )

    def reply(command: list[str]) -> tuple[int, str, str]:
        if command[:2] == ["systemctl", "show"]:
            return 0, "\n".join(show(name) for name in command[4:]), ""
        if command[0] == "journalctl":
            return 0, "last words\n", ""
        for name in command[2:]:
            active[name] = "failed" if "bad" in name else "active"
        return 0, "", ""

    return reply


UNIT = {"enabled": True, "state": "started", "restart_after": [], "reload_after": [], "restart": False}


def test_stopped_unit_is_started_and_only_once() -> None:
    there, recorder = machine(systemd({"x.service": "inactive"}))
    assert units.ensure(there, [{**UNIT, "name": "x.service"}]).lines == ["start x.service: it is inactive"]
    assert units.ensure(there, [{**UNIT, "name": "x.service"}]).lines == []
    assert recorder.programs().count("systemctl start") == 1


def test_unit_that_fails_is_reported_with_its_log() -> None:
    with pytest.raises(StateError, match=r"bad\.service: is failed") as caught:
        units.ensure(machine(systemd({"bad.service": "inactive"}))[0], [{**UNIT, "name": "bad.service"}])
    assert caught.value.log == ["last words"]


def test_missing_unit_fails_a_run_and_is_a_change_in_check_mode() -> None:
    entry = {**UNIT, "name": "none.service"}
    with pytest.raises(StateError, match=r"no such unit: none\.service; no unit was changed"):
        units.ensure(machine(systemd({}))[0], [entry])
    there, recorder = machine(systemd({}), check_mode=True)
    assert units.ensure(there, [entry]).lines == ["start none.service: it is inactive"]
    assert recorder.programs() == ["systemctl show"]


def test_future_change_time_restarts_once(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("")
    os.utime(path, (time.time() + 9999, time.time() + 9999))
    assert units.change_times([str(path)])[str(path)] <= time.time()
    units.mend_future([str(path)])
    assert path.stat().st_mtime <= time.time()
