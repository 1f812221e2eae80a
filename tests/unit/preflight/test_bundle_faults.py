# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A bundle that is missing, incomplete, altered or of another version; a whole one is read once only."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import manifest
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.bundle import check_bundle, stamp_of
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding

from tests.unit.preflight.builders import SETTINGS


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    directory = tmp_path / "bundle"
    (directory / "bin").mkdir(parents=True)
    items = []
    for name in ("kubeadm", "kubelet", "kubectl"):
        content = f"program {name}".encode()
        (directory / "bin" / name).write_bytes(content)
        items.append(
            manifest.Item(
                name=name,
                version="v1.36.3",
                kind="binary",
                path=f"bin/{name}",
                sha256=hashlib.sha256(content).hexdigest(),
                size=len(content),
                origin="test",
                licence="Apache-2.0",
            )
        )
    manifest.write(directory, manifest.Contents("modules", "key", tuple(items)))
    return directory


def findings(bundle: Path, version: str = "1.36.3") -> list[Finding]:
    settings = replace(SETTINGS, kubernetes_version=version)
    return list(check_bundle(bundle, settings, bundle.parent / "state"))


def test_a_whole_bundle_has_no_fault(bundle: Path) -> None:
    assert findings(bundle) == []


def test_no_bundle(tmp_path: Path) -> None:
    (found,) = findings(tmp_path / "nothing")
    assert found.key == "bundle_directory"
    assert "playbooks/bundle.yml" in found.expected


def test_a_missing_item_is_named(bundle: Path) -> None:
    (bundle / "bin/kubelet").unlink()
    (found,) = findings(bundle)
    assert "kubelet" in found.key
    assert "missing" in found.message


def test_a_wrong_checksum_is_named_even_when_the_bundle_was_good_before(bundle: Path) -> None:
    assert findings(bundle) == []
    (bundle / "bin/kubelet").write_bytes(b"Program kubelet")
    for _run in range(2):
        (found,) = findings(bundle)
        assert "kubelet" in found.key
        assert "altered" in found.message


def test_an_item_of_a_set_that_the_inventory_needs_is_named(bundle: Path) -> None:
    needed = {"istioctl": "mesh", "kubelet": "mesh"}
    (found,) = check_bundle(bundle, SETTINGS, bundle.parent / "state", needed)
    assert found.key == "bundle_sets"
    assert found.message == "istioctl is not in the bundle"
    assert found.expected.startswith("mesh in bundle_sets")


def test_another_version_is_named(bundle: Path) -> None:
    assert {one.message for one in findings(bundle, "1.37.0")} == {
        "kubeadm 1.36.3 is in the bundle",
        "kubelet 1.36.3 is in the bundle",
        "kubectl 1.36.3 is in the bundle",
    }


def test_a_good_bundle_is_read_once(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(bundle) == []

    def again(*_arguments: object) -> list[manifest.Problem]:
        raise AssertionError("the checksums are computed again")

    monkeypatch.setattr(manifest, "verify", again)
    assert findings(bundle) == []
    (bundle / "bin/kubelet").touch()
    with pytest.raises(AssertionError, match="again"):
        findings(bundle)


def test_every_file_counts_in_the_stamp(bundle: Path) -> None:
    before = stamp_of(bundle)
    assert stamp_of(bundle) == before
    (bundle / "bin/new").write_text("x")
    assert stamp_of(bundle) != before
