"""Lookup kustomize builds with the real kubectl, upstream's manifests beside our patches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible_collections.nilecare.platform.plugins.lookup.kustomize import build

from tests.module import binaries
from tests.module.samples import config_map

KUSTOMIZATION = {
    "resources": ["bundle/upstream/manifest.yaml"],
    "namespace": "edge",
    "patches": [
        {
            "target": {"kind": "ConfigMap"},
            "patch": '[{"op": "replace", "path": "/data/colour", "value": "green"}]',
        }
    ],
}


@pytest.fixture
def directories(tmp_path: Path) -> tuple[Path, Path]:
    """A kustomization, and a bundle's manifests."""
    ours, bundle = tmp_path / "ours", tmp_path / "bundle"
    ours.mkdir()
    (bundle / "upstream").mkdir(parents=True)
    (ours / "kustomization.yaml").write_text(yaml.safe_dump(KUSTOMIZATION))
    (bundle / "upstream" / "manifest.yaml").write_text(yaml.safe_dump(config_map("settings", colour="blue")))
    return ours, bundle


def kubectl() -> Path:
    return binaries.find() / "kubectl"


def test_patches_upstream_manifests(directories: tuple[Path, Path]) -> None:
    ours, bundle = directories
    assert build(ours, kubectl(), bundle) == [config_map("settings", "edge", colour="green")]
    assert not (ours / "bundle").exists()


def test_errors_name_the_directory(directories: tuple[Path, Path]) -> None:
    ours, bundle = directories
    (bundle / "upstream" / "manifest.yaml").unlink()
    with pytest.raises(AnsibleError, match=f"kustomize: {ours}: .*manifest.yaml"):
        build(ours, kubectl(), bundle)
    with pytest.raises(AnsibleError, match="is the bundle there"):
        build(ours, bundle / "kubectl", bundle)


def test_a_playbook_looks_it_up(directories: tuple[Path, Path]) -> None:
    ours, bundle = directories
    configuration = ours.parent / "ansible.cfg"
    configuration.touch()
    options = f"kubectl='{kubectl()}', manifests='{bundle}'"
    expression = f"{{{{ lookup('nilecare.platform.kustomize', '{ours}', {options}) }}}}"
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible")),
            "localhost",
            "-m",
            "debug",
            "-a",
            json.dumps({"msg": expression}),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(configuration),
            "ANSIBLE_COLLECTIONS_PATH": str(Path(__file__).parents[2] / ".collections"),
        },
    )
    assert "green" in done.stdout
