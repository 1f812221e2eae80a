# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Joining: what is undone, tried again, and refused. kubeadm itself is played."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubeadm import node, process, state
from kubeadm_files import CA

CREDENTIALS = {"token": "abcdef.0123456789abcdef", "certificate_key": "ab" * 32, "ca_certificate": CA}
DOCUMENT = {"kind": "JoinConfiguration", "discovery": {}, "controlPlane": {"localAPIEndpoint": {}}}
NODE = node.Node("k2", "10.0.0.2", "control_plane", ("10.0.0.1", "10.0.0.2"), 0, 10)


class Kubeadm:
    """Plays kubeadm and the machine: notes what was run and with which files."""

    def __init__(self, found: state.State, failures: Sequence[str] = ()) -> None:
        self.found = found
        self.failures = list(failures)
        self.calls: list[str] = []
        self.files: list[Any] = []

    def run(self, command: Sequence[str], _seconds: float, _descriptor: int | None = None) -> str:
        self.calls.append(command[1])
        if command[1] in ("join", "init"):
            path = Path(command[command.index("--config") + 1])
            self.files = [json.loads(text) for text in path.read_text().split("\n---\n")]
            assert "abcdef.0123456789abcdef" not in " ".join(command)
            if self.failures:
                raise process.FailedError(self.failures.pop(0))
        return ""


#: how a machine is made bare: nothing of it may start anew, and nothing may ask a cluster that is gone
UNDONE = ["stop", "end", "pretend", "reset", "clean"]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def start(found: state.State, failures: Sequence[str] = ()) -> Kubeadm:
        fake = Kubeadm(found, failures)

        @contextlib.contextmanager
        def lock(_seconds: float, _directory: Path = tmp_path) -> Iterator[int]:
            yield 0

        @contextlib.contextmanager
        def directory(_directory: Path = tmp_path) -> Iterator[Path]:
            for path in tmp_path.iterdir():
                path.unlink()
            yield tmp_path

        monkeypatch.setattr(process, "run", fake.run)
        monkeypatch.setattr(process, "lock", lock)
        monkeypatch.setattr(process, "secret_directory", directory)
        monkeypatch.setattr(node.Node, "look", lambda _self: fake.found)
        monkeypatch.setattr(node, "forget_myself", lambda _node: fake.calls.append("forget"))
        # What the machine that runs the tests must not see: it may have a kubelet and containers of its own.
        monkeypatch.setattr(node, "stop_kubelet", lambda: fake.calls.append("stop"))
        monkeypatch.setattr(node, "end_containers", lambda dry_run: fake.calls.append("end"))
        monkeypatch.setattr(node, "pretend_network", lambda: fake.calls.append("pretend"))
        monkeypatch.setattr(node, "remove_remains", lambda: fake.calls.append("clean"))
        monkeypatch.setattr("time.sleep", lambda _seconds: None)
        return fake

    return start


def join(dry_run: bool = False) -> tuple[bool, str, str]:
    return node.join(NODE, DOCUMENT, CREDENTIALS, "https://api:7443", 3, dry_run)


def test_a_bare_machine_joins_with_its_secrets_in_a_file(play: Any) -> None:
    fake = play(state.State("absent"))
    assert join() == (True, "absent", "joined")
    assert fake.calls == ["join"]
    assert fake.files[0]["discovery"]["tlsBootstrapToken"] == CREDENTIALS["token"]
    assert fake.files[0]["controlPlane"]["certificateKey"] == CREDENTIALS["certificate_key"]
    assert DOCUMENT["discovery"] == {}


def test_half_a_join_is_undone_first(play: Any) -> None:
    fake = play(state.State("partial", ca_fingerprint=state.fingerprint(CA)))
    assert join()[2] == "undid a broken join and joined"
    assert fake.calls == ["forget", *UNDONE, "join"]


def test_a_busy_etcd_is_tried_again_after_forgetting(play: Any) -> None:
    fake = play(state.State("absent"), ["etcdserver: too many learner members in cluster"] * 2)
    assert join()[2] == "joined at the 3. attempt"
    assert fake.calls == ["join", "forget", *UNDONE] * 2 + ["join"]


def test_attempts_end(play: Any) -> None:
    fake = play(state.State("absent"), ["can only promote a learner member which is in sync"] * 9)
    with pytest.raises(process.FailedError):
        join()
    assert fake.calls.count("join") == 3


def test_other_errors_are_not_tried_again(play: Any) -> None:
    fake = play(state.State("absent"), ["[ERROR Port-10250]: Port 10250 is in use"])
    with pytest.raises(process.FailedError):
        join()
    assert fake.calls == ["join"]


@pytest.mark.parametrize(
    "found",
    [
        state.State("unreachable", reason="silence"),
        state.State("joined", role="worker"),
        state.State("partial", ca_fingerprint="ff" * 32),
    ],
)
def test_what_may_not_be_touched_is_not_touched(play: Any, found: state.State) -> None:
    fake = play(found)
    with pytest.raises(node.RefusalError):
        join()
    assert fake.calls == []


def test_joined_is_left_alone_and_check_mode_changes_nothing(play: Any) -> None:
    assert play(state.State("joined", role="control_plane")) and join() == (
        False,
        "joined",
        "is in the cluster",
    )
    fake = play(state.State("absent"))
    assert join(dry_run=True) == (True, "absent", "would join")
    assert fake.calls == []


def test_a_broken_init_is_undone_and_done_anew(play: Any) -> None:
    fake = play(state.State("partial", role="control_plane", etcd_data=True, finalised=False))
    changed, _before, done = node.initialise(
        NODE, [{"kind": "InitConfiguration"}, {"kind": "Cluster"}], False
    )
    assert changed and done == "undid a broken init and created the cluster"
    assert fake.calls == [*UNDONE, "init"]
    assert fake.files[0]["bootstrapTokens"][0]["ttl"] == "1m0s"


def test_a_control_plane_with_data_is_never_created_anew(play: Any) -> None:
    fake = play(state.State("partial", role="control_plane", etcd_data=True, finalised=True))
    with pytest.raises(node.RefusalError, match="holds etcd's data"):
        node.initialise(NODE, [{}], False)
    assert fake.calls == []


def test_an_init_without_its_addons_is_finished(play: Any) -> None:
    fake = play(state.State("joined", role="control_plane", addons=False))
    assert node.initialise(NODE, [{}], False)[0]
    assert fake.calls == ["init"]
    fake = play(state.State("joined", role="control_plane", addons=None))
    assert not node.initialise(NODE, [{}], False)[0]
    assert fake.calls == []


def test_tokens_have_kubeadms_form() -> None:
    assert process.mask(node.make_token()) == "********"
    assert node.make_token() != node.make_token()
