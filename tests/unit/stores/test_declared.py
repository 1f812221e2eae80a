"""What services declared, brought about inside members: with a kubectl and a cluster that are not there."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import ClusterUnreachable
from ansible_collections.nilecare.platform.plugins.module_utils.stores import declared, rabbitmq
from ansible_collections.nilecare.platform.plugins.module_utils.stores.execute import in_members
from ansible_collections.nilecare.platform.plugins.module_utils.stores.model import Declaration

from .conftest import store

STORE = store(
    name="rabbitmq",
    engine="rabbitmq",
    namespace="messaging",
    declarations=(Declaration("ehr", "clinical", queues=("visits",)),),
)
TARGET = declared.Target("/kubeconfig", "/kubectl")


class Cluster:
    """Answers with these objects by kind, or not at all."""

    def __init__(self, objects: dict[str, dict[str, Any]] | None) -> None:
        self.objects = objects

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def get(self, _version: str, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        if self.objects is None:
            raise ClusterUnreachable("nobody answers")
        assert (name, namespace) in (("rabbitmq-users", "messaging"), ("rabbitmq", "messaging"))
        return self.objects.get(kind)


SECRET = {"data": {"ehr": base64.b64encode(b"secret").decode()}}
READY = {"status": {"readyReplicas": 3}}


def bring_about(
    monkeypatch: pytest.MonkeyPatch, objects: dict[str, dict[str, Any]] | None, check: bool = False
) -> list[str]:
    """With an engine that says what it was given."""
    monkeypatch.setattr(Client, "from_kubeconfig", lambda *_path, **_options: Cluster(objects))
    monkeypatch.setattr(
        rabbitmq,
        "declare",
        lambda given, settings, passwords, execute, check: [
            given.name,
            f"{settings}",
            f"{passwords}",
            f"{check}",
        ],
    )
    return declared.bring_about(TARGET, STORE.to_dict(), {"memory_share": 0.4}, check)


def test_the_engine_gets_the_passwords_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    given = bring_about(monkeypatch, {"Secret": SECRET, "StatefulSet": READY})
    assert given == ["rabbitmq", "{'memory_share': 0.4}", "{'ehr': 'secret'}", "False"]
    assert bring_about(monkeypatch, {"Secret": SECRET, "StatefulSet": READY}, check=True)[-1] == "True"


def test_without_passwords_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="Secret messaging/rabbitmq-users is not there"):
        bring_about(monkeypatch, {"StatefulSet": READY})


@pytest.mark.parametrize("objects", [None, {}, {"Secret": SECRET}, {"Secret": SECRET, "StatefulSet": {}}])
def test_check_mode_before_there_is_a_store(
    monkeypatch: pytest.MonkeyPatch, objects: dict[str, dict[str, Any]] | None
) -> None:
    assert bring_about(monkeypatch, objects, check=True) == [
        "everything for billing",
        "everything for ehr",
    ], "a user for each that may come in, and what it declared"


def test_a_cluster_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterUnreachable):
        bring_about(monkeypatch, None)


@pytest.fixture
def kubectl(tmp_path: Path) -> str:
    """A kubectl that says how it was called and what it was given."""
    program = tmp_path / "kubectl"
    program.write_text(
        "#!/usr/bin/env python3\nimport json, sys\n"
        "if 'bad' in sys.argv: sys.exit('it broke')\n"
        "print(json.dumps([sys.argv[1:], sys.stdin.read()]))\n"
    )
    program.chmod(0o755)
    return str(program)


def called(kubectl: str, command: Sequence[str], text: str) -> tuple[list[str], str]:
    words, given = json.loads(in_members(STORE, kubectl, "/kubeconfig")("rabbitmq-1", command, text))
    return words, given


def test_commands_run_in_the_container_of_the_engine(kubectl: str) -> None:
    words, given = called(kubectl, ["cat", "-"], "secret")
    target = "exec rabbitmq-1 --container rabbitmq --stdin -- cat -"
    assert words == f"--kubeconfig /kubeconfig --namespace messaging {target}".split()
    assert given == "secret"
    assert "--stdin" not in called(kubectl, ["true"], "")[0]


def test_a_failure_says_what_and_where(kubectl: str) -> None:
    with pytest.raises(ValueError, match="bad in rabbitmq-1 ended with 1: it broke"):
        called(kubectl, ["bad"], "")
    with pytest.raises(ValueError, match=r"true in rabbitmq-1: .*No such file"):
        called("/nowhere/kubectl", ["true"], "")
