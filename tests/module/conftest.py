"""Fixtures of tests against a real API server: one for the session, a namespace of its own for each test."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.services.namespaces import platform_objects
from ansible_collections.nilecare.platform.plugins.modules import apply as apply_module

from tests.module import binaries
from tests.module.control_plane import ControlPlane
from tests.module.shipped import model
from tests.module.small_cluster import SmallCluster

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    try:
        directory = binaries.find()
    except binaries.NoBinariesError as error:
        pytest.fail(str(error), pytrace=False)
    plane = ControlPlane(tmp_path_factory.mktemp("control-plane"), directory)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()


@pytest.fixture(scope="module")
def cluster(control_plane: ControlPlane) -> Iterator[SmallCluster]:
    """Nodes, scheduler and controllers, and what all services of the platform share."""
    cluster = SmallCluster(control_plane)
    cluster.start()
    with control_plane.client() as client:
        for obj in platform_objects(model()):
            if obj["kind"] in ("PriorityClass", "ClusterRole"):
                client.apply(obj)
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[Client]:
    with control_plane.client() as client:
        yield client


@pytest.fixture
def namespace(client: Client) -> str:
    name = f"test-{next(_numbers)}"
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


class Apply(Protocol):
    def __call__(self, objects: Sequence[Any], **options: Any) -> dict[str, Any]: ...


@pytest.fixture
def apply(
    control_plane: ControlPlane,
    namespace: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Apply:
    """Run module ``apply`` as Ansible does and answer its result; set and namespace are the test's own."""

    warnings: list[str] = []
    # Ansible hands warnings elsewhere when parts of its controller are loaded, as by tests of lookups.
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: warnings.append(text))

    def run(
        objects: Sequence[Any], check: bool = False, diff: bool = False, **options: Any
    ) -> dict[str, Any]:
        arguments = {
            "kubeconfig": str(control_plane.kubeconfig),
            "name": "test-set",
            "namespace": namespace,
            "objects": list(objects),
            "_ansible_check_mode": check,
            "_ansible_diff": diff,
            "_ansible_inject_invocation": True,
            **options,
        }
        capsys.readouterr()
        warnings.clear()
        with patch_module_args(arguments), pytest.raises(SystemExit):
            apply_module.main()
        result = json.loads(capsys.readouterr().out)
        return {**result, "warnings": warnings}

    return run


@pytest.fixture
def kubeconfig_directory(control_plane: ControlPlane) -> Path:
    return control_plane.directory
