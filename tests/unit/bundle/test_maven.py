# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Java libraries: only what is pinned, as a layer of the images that ask for it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import maven
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.errors import BundleError
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.plan import make_plan
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.recipe import Maven, load

PATH = "sd/example/tool/1.0/tool-1.0.jar"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A Maven repository with one library."""
    file = tmp_path / "repository" / PATH
    file.parent.mkdir(parents=True)
    file.write_bytes(b"classes")
    return tmp_path / "repository"


def test_a_library_becomes_a_file_of_the_layer(repository: Path, tmp_path: Path) -> None:
    wish = Maven("/opt/tool/libs", {PATH: hashlib.sha256(b"classes").hexdigest()})
    with maven.layer_entries(wish, repository.as_uri(), tmp_path / "work") as entries:
        assert [(entry.path, entry.mode) for entry in entries] == [("/opt/tool/libs/tool-1.0.jar", 0o644)]
        assert entries[0].source is not None
        assert entries[0].source.read_bytes() == b"classes"
    assert not (tmp_path / "work").exists()


def test_another_file_is_refused_and_nothing_is_left(repository: Path, tmp_path: Path) -> None:
    wish = Maven("/opt/tool/libs", {PATH: "0" * 64})
    with (
        pytest.raises(BundleError, match="expected 0000"),
        maven.layer_entries(wish, repository.as_uri(), tmp_path / "work"),
    ):
        pass
    assert not (tmp_path / "work").exists()


def test_an_image_with_libraries_has_them_as_a_layer(files: Path) -> None:
    recipe = files / "recipes/hello.yml"
    text = recipe.read_text().replace("tag: v$version", "tag: v$version\n    maven: true")
    recipe.write_text(text + f"maven: {{target: /libs, jars: {{{PATH}: {'a' * 64}}}}}\n")
    plan = make_plan(files, "modules")
    assert plan.unit("image-hello").needs == ("jars-hello",)
    recipe.write_text(text + f"maven: {{target: /libs, jars: {{{PATH}: {'b' * 64}}}}}\n")
    assert make_plan(files, "modules").unit("image-hello").key != plan.unit("image-hello").key


def test_an_image_without_libraries_to_have_is_refused(files: Path) -> None:
    recipe = files / "recipes/hello.yml"
    recipe.write_text(recipe.read_text().replace("tag: v$version", "tag: v$version\n    maven: true"))
    with pytest.raises(BundleError, match="has maven, the component has none"):
        load(files / "recipes")


def test_a_base_that_a_bundle_may_lack_is_refused(files: Path) -> None:
    (files / "recipes/optional.yml").write_text(
        "component: optional\nversion: sid\nlicence: x\norigin: x\nset: data\n"
        "debian: {release: sid, roots: [{name: data, packages: [a]}]}\n"
    )
    recipe = files / "recipes/hello.yml"
    recipe.write_text(recipe.read_text().replace("tag: v$version", "tag: v$version\n    base: data"))
    with pytest.raises(BundleError, match="has base data of set data, which a bundle may lack"):
        load(files / "recipes")
