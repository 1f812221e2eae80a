"""Lookup kustomize builds with the real kubectl, upstream's manifests beside our patches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader

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


def lookup(ours: Path, bundle: Path) -> Any:
    plugin = lookup_loader.get("nilecare.platform.kustomize")
    kubectl = str(binaries.find() / "kubectl")
    return plugin.run([str(ours)], {}, kubectl=kubectl, manifests=str(bundle))


def test_patches_upstream_manifests(directories: tuple[Path, Path]) -> None:
    (objects,) = lookup(*directories)
    assert objects == [config_map("settings", "edge", colour="green")]


def test_errors_name_the_directory(directories: tuple[Path, Path]) -> None:
    ours, bundle = directories
    (bundle / "upstream" / "manifest.yaml").unlink()
    with pytest.raises(AnsibleError, match=f"kustomize: {ours}: .*manifest.yaml"):
        lookup(ours, bundle)
    with pytest.raises(AnsibleError, match="holds no kustomization.yaml"):
        lookup(bundle, bundle)
