"""Programs out of Debian packages: what is named is taken, and only from the pinned file."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import deb
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.errors import BundleError
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.recipe import Deb


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with one program, below an archive's folder."""
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: tool\nVersion: 1\nArchitecture: all\nMaintainer: nobody <x@example.org>\nDescription: x\n"
    )
    (tree / "usr" / "bin").mkdir(parents=True)
    (tree / "usr" / "bin" / "tool").write_text("the program")
    file = tmp_path / "pool" / "tool_1_all.deb"
    file.parent.mkdir()
    subprocess.run(["dpkg-deb", "--build", str(tree), str(file)], check=True, capture_output=True)
    return file


def pinned(package: Path, **programs: str) -> Deb:
    return Deb("pool/tool_1_all.deb", hashlib.sha256(package.read_bytes()).hexdigest(), programs)


def test_a_program_is_taken(package: Path, tmp_path: Path) -> None:
    wanted = pinned(package, mytool="usr/bin/tool")
    found = deb.programs([wanted], package.parents[1].as_uri(), tmp_path / "programs", tmp_path / "work")
    assert found == {"mytool": tmp_path / "programs" / "mytool"}
    assert found["mytool"].read_text() == "the program"
    assert found["mytool"].stat().st_mode & 0o777 == 0o755
    assert not (tmp_path / "work").exists()


def test_what_is_not_in_it_is_named(package: Path, tmp_path: Path) -> None:
    wanted = pinned(package, other="usr/bin/other")
    with pytest.raises(BundleError, match="has no usr/bin/other"):
        deb.programs([wanted], package.parents[1].as_uri(), tmp_path / "programs", tmp_path / "work")


def test_another_file_is_refused(package: Path, tmp_path: Path) -> None:
    wanted = Deb("pool/tool_1_all.deb", "0" * 64, {"tool": "usr/bin/tool"})
    with pytest.raises(BundleError, match="expected 0000"):
        deb.programs([wanted], package.parents[1].as_uri(), tmp_path / "programs", tmp_path / "work")
