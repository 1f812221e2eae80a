"""Kubeconfig files: what is supported, and errors that name file and key."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import (
    KubeconfigError,
)
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.kubeconfig import load


def write(path: Path, cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> Path:
    config = {
        "current-context": "a",
        "contexts": [
            {"name": "a", "context": {"cluster": "c", "user": "u", "namespace": "clinical"}},
            {"name": "b", "context": {"cluster": "missing", "user": "u"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": "https://10.77.0.10:7443", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
    }
    file = path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


def test_server_name_and_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("word\n")
    endpoint = load(write(tmp_path, {"tls-server-name": "api.nilecare.internal"}, {"tokenFile": "token"}))
    assert (endpoint.host, endpoint.port, endpoint.token) == ("10.77.0.10", 7443, "word")
    assert (
        endpoint.tls_server_name == "api.nilecare.internal" and endpoint.server == "https://10.77.0.10:7443"
    )
    assert endpoint.namespace == "clinical"


def test_ipv6_and_path(tmp_path: Path) -> None:
    endpoint = load(write(tmp_path, {"server": "https://[fd00::1]/k8s/"}))
    assert endpoint.server == "https://[fd00::1]:443/k8s"


@pytest.mark.parametrize(
    ("cluster", "user", "message"),
    [
        (
            {"server": "10.0.0.1:6443"},
            {},
            "server of cluster c is '10.0.0.1:6443', expected https://host:port",
        ),
        ({"certificate-authority-data": "%%"}, {}, "certificate-authority-data is not base64"),
        (
            {"certificate-authority-data": base64.b64encode(b"x").decode()},
            {},
            "certificate-authority is no PEM",
        ),
        ({"certificate-authority": "absent.crt"}, {}, "absent.crt cannot be read: No such file"),
        ({}, {"exec": {"command": "aws"}}, "user u uses exec; supported are"),
        ({}, {"client-certificate-data": "QQ=="}, "client-certificate and client-key belong together"),
        ({}, {"client-certificate-data": "QQ==", "client-key-data": "QQ=="}, "cannot be used"),
    ],
)
def test_errors_name_file_and_key(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], message: str
) -> None:
    file = write(tmp_path, cluster, user)
    with pytest.raises(KubeconfigError) as caught:
        load(file)
    assert message in str(caught.value) and str(file) in str(caught.value)


def test_contexts(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="no entry 'missing' in clusters"):
        load(write(tmp_path), context="b")
    with pytest.raises(KubeconfigError, match="no entry 'z' in contexts"):
        load(write(tmp_path), context="z")


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="does not exist"):
        load(tmp_path / "absent")
    (tmp_path / "empty").touch()
    with pytest.raises(KubeconfigError, match="is empty or no mapping"):
        load(tmp_path / "empty")
    (tmp_path / "bad").write_text("a: [")
    with pytest.raises(KubeconfigError, match="is not YAML"):
        load(tmp_path / "bad")
