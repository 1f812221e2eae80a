# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs out of wheels, from a folder that stands for the package index."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import wheel
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.errors import BundleError
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.recipe import Wheel

METADATA = "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n"
TAGS = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-manylinux_2_31_x86_64\n"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A wheel that pip finds; returns its SHA-256."""
    folder = tmp_path / "index"
    folder.mkdir()
    path = folder / "tool-1.0-py3-none-manylinux_2_31_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tool/bin/tool", "a program")
        archive.writestr("tool-1.0.dist-info/METADATA", METADATA)
        archive.writestr("tool-1.0.dist-info/WHEEL", TAGS)
        archive.writestr("tool-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_program_comes_out_of_its_wheel(published: str, tmp_path: Path) -> None:
    wish = Wheel("tool==1.0", published, {"tool": "tool/bin/tool"})
    found = wheel.programs(wish, tmp_path / "programs", tmp_path / "work")
    assert found == {"tool": tmp_path / "programs/tool"}
    assert found["tool"].read_text() == "a program"
    assert found["tool"].stat().st_mode & 0o777 == 0o755
    assert not (tmp_path / "work").exists()


def test_a_wheel_with_another_checksum_is_refused(published: str, tmp_path: Path) -> None:
    wish = Wheel("tool==1.0", published[::-1], {"tool": "tool/bin/tool"})
    with pytest.raises(BundleError, match=r"tool==1\.0 could not be fetched with the pinned checksum"):
        wheel.programs(wish, tmp_path / "programs", tmp_path / "work")
    assert not (tmp_path / "programs").exists()


def test_a_file_that_a_wheel_lacks_is_named(published: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"the wheel of tool==1\.0 has no file other"):
        wheel.programs(
            Wheel("tool==1.0", published, {"x": "other"}), tmp_path / "programs", tmp_path / "work"
        )
