# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Recipes: what is read, what is refused, what a key depends on; the collection's own recipes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import location
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import plan as plan_module
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.errors import BundleError
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.golang import required_version
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.lockfile import read_debian
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.plan import make_plan
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.recipe import SETS, load

OWN = location.FILES


def test_all_problems_of_all_recipes_are_reported_at_once(files: Path) -> None:
    (files / "recipes/a.yml").write_text("component: a\nversion: true\nlicense: MIT\n")
    (files / "recipes/b.yml").write_text(
        "component: b\nversion: '1'\nlicence: MIT\norigin: x\n"
        "images:\n  - {name: hello, tag: '1', files: [{path: /x, mode: rwx}]}\n"
    )
    with pytest.raises(BundleError) as caught:
        load(files / "recipes")
    assert caught.value.problems == [
        "a.yml.version: expected a text, found True",
        "a.yml.licence: is missing, expected a text",
        "a.yml.origin: is missing, expected a text",
        "a.yml.license: is not a known key",
        "b.yml.images[0].files[0].mode: expected an octal mode such as '0755', found 'rwx'",
        "b.yml.images[0].files[0]: expected one of program, module, content, file, link, directory",
        "b.yml.images[0].name: expected a name with its registry's host, found 'hello'",
    ]


def test_recipes_that_do_not_fit_together_are_refused(files: Path) -> None:
    text = (files / "recipes/hello.yml").read_text().replace("file: hello.sh", "program: x/y")
    (files / "recipes/again.yml").write_text(text.replace("  command", "  base: z\n    command"))
    with pytest.raises(BundleError) as caught:
        load(files / "recipes")
    text = "\n".join(caught.value.problems)
    assert "registry.example.sd/hello:v1.2.3 is made by hello too" in text or "is made by again too" in text
    assert "takes unknown program x/y" in text
    assert "has base z, known are: none" in text


def test_a_missing_file_of_a_recipe_is_named(files: Path) -> None:
    (files / "content/hello.sh").unlink()
    with pytest.raises(BundleError, match=r"content/hello\.sh"):
        make_plan(files, "modules")


def test_the_key_covers_content_and_ignores_hints_and_comments(files: Path) -> None:
    recipe = files / "recipes/hello.yml"
    key = make_plan(files, "modules").key
    recipe.write_text(recipe.read_text() + "# a comment\nseconds: 99\nmegabytes: 1\n")
    assert make_plan(files, "modules").key == key
    (files / "content/hello.sh").write_text("#!/bin/sh\necho other\n")
    assert make_plan(files, "modules").key != key


def test_the_place_of_the_bundle(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(location.ENVIRONMENT, raising=False)
    key = make_plan(files, "modules").key
    expected = tmp_path / "bundles" / key
    assert location.bundle_directory(files, "modules", tmp_path) == expected
    monkeypatch.setattr(location, "make_plan", lambda *_: pytest.fail("the key was not remembered"))
    assert location.bundle_directory(files, "modules", tmp_path) == expected
    monkeypatch.setenv(location.ENVIRONMENT, "/srv/bundle")
    assert location.bundle_directory(files, "modules", tmp_path) == Path("/srv/bundle")


def test_a_set_is_in_the_bundle_only_when_it_is_wanted(files: Path, tmp_path: Path, optional: str) -> None:
    without = make_plan(files, "modules").key
    (files / "recipes/salaam.yml").write_text(optional)
    assert make_plan(files, "modules").key == without
    assert make_plan(files, "modules", ["monitoring"]).key == without, "no recipe belongs to it yet"
    plan = make_plan(files, "modules", ["mesh"])
    assert plan.key != without
    assert plan.unit("image-salaam")
    assert location.bundle_directory(files, "modules", tmp_path).name == without
    assert location.bundle_directory(files, "modules", tmp_path, ["mesh"]).name == plan.key


def test_a_set_that_nobody_knows_is_refused(files: Path, optional: str) -> None:
    with pytest.raises(
        BundleError,
        match="mash is no set; expected any of autoscaling, backup, data, mesh, monitoring, pipeline",
    ):
        make_plan(files, "modules", ["mash"])
    (files / "recipes/salaam.yml").write_text(optional.replace("mesh", "mash"))
    with pytest.raises(BundleError) as caught:
        make_plan(files, "modules")
    assert caught.value.problems == [
        "salaam.yml.set: expected one of autoscaling, backup, data, mesh, monitoring, pipeline, found 'mash'"
    ]


WHEEL = """---
component: tool
version: '1'
licence: MIT
origin: https://example.sd/tool
set: mesh
wheel: {requirement: tool==1, sha256: abc, programs: {tool: tool/bin/tool}}
"""


def test_a_bundle_never_lacks_what_an_image_is_made_of(files: Path, optional: str) -> None:
    (files / "recipes/tool.yml").write_text(WHEEL)
    (files / "recipes/salaam.yml").write_text(optional.replace("file: hello.sh", "program: tool/tool"))
    assert make_plan(files, "modules", ["mesh"]).unit("image-salaam").needs == ("tool",)
    recipe = files / "recipes/hello.yml"
    recipe.write_text(
        recipe.read_text().replace("{path: /hello, file: hello.sh}", "{path: /x, program: tool/tool}")
    )
    with pytest.raises(BundleError) as caught:
        load(files / "recipes")
    assert len(caught.value.problems) == 2
    assert "hello takes tool/tool of set mesh, which a bundle may lack" in caught.value.problems[0]


@pytest.mark.parametrize("sets", [(), SETS], ids=["usual", "everything"])
@pytest.mark.parametrize("source", ["modules", "upstream"])
def test_our_own_recipes_are_right(source: str, sets: tuple[str, ...]) -> None:
    plan = make_plan(OWN, source, sets)  # type: ignore[arg-type]
    assert len(plan.key) == 12
    names = [unit.name for unit in plan.units]
    assert len(names) == len(set(names))
    for number, unit in enumerate(plan.units):
        assert set(unit.needs) <= set(names[:number]), f"{unit.name} is planned before what it needs"


def test_go_mod_pins_the_version_that_each_recipe_says() -> None:
    # these two have no module versions of their releases
    for recipe in load(OWN / "recipes"):
        if recipe.go and not recipe.own and recipe.component not in ("calico", "istio"):
            text = (OWN / "go" / recipe.go.directory / "go.mod").read_text()
            assert required_version(text, recipe.go.module) == f"v{recipe.version}", recipe.component


def test_everything_that_kubeadm_asks_for_is_in_the_bundle() -> None:
    images = {f"{image.name}:{image.tag}" for recipe in load(OWN / "recipes") for image in recipe.images}
    assert images >= {
        "registry.k8s.io/kube-apiserver:v1.36.3",
        "registry.k8s.io/kube-controller-manager:v1.36.3",
        "registry.k8s.io/kube-scheduler:v1.36.3",
        "registry.k8s.io/kube-proxy:v1.36.3",
        "registry.k8s.io/coredns/coredns:v1.14.2",
        "registry.k8s.io/pause:3.10.2",
        "registry.k8s.io/etcd:3.6.8-0",
    }


def test_the_locks_have_every_package_that_recipes_name() -> None:
    for recipe in load(OWN / "recipes"):
        if recipe.debian:
            lock = read_debian(OWN / f"{recipe.component}.lock.yml")
            assert lock.release == recipe.debian.release
            assert set(recipe.debian.packages) <= {package.name for package in lock.of("machines")}
            for name, root in recipe.debian.roots.items():
                names = {package.name for package in lock.of(name)}
                assert set(root.packages) <= names
                assert not names & set(root.without)


DEBIAN = """---
component: debian
version: bookworm
licence: see each package
origin: Debian bookworm
debian:
  release: bookworm
  packages: [a]
  roots:
    - {name: low, packages: [a]}
    - {name: high, above: low, packages: [b]}
    - {name: unused, packages: [a]}
"""


def test_an_image_above_another_root_has_its_layers_lowest_first(files: Path) -> None:
    (files / "recipes/debian.yml").write_text(DEBIAN)
    recipe = files / "recipes/hello.yml"
    recipe.write_text(recipe.read_text().replace("tag: v$version", "tag: v$version\n    base: high"))
    plan = make_plan(files, "modules")
    assert plan.unit("image-hello").needs == ("root-low", "root-high")
    assert "root-unused" not in [unit.name for unit in plan.units]


def test_a_root_must_be_listed_after_the_one_below_it(files: Path) -> None:
    (files / "recipes/debian.yml").write_text(DEBIAN.replace("above: low", "above: unused"))
    with pytest.raises(BundleError, match="root high is above unused, not listed before it"):
        load(files / "recipes")


def test_a_new_optional_field_leaves_keys_alone() -> None:
    """Keys are made of what a recipe says, not of what it could say."""
    assert plan_module._plain({"a": 1, "b": "", "c": (), "d": None, "e": {"f": False}}) == {"a": 1}


def test_the_key_covers_a_main_program_of_ours(files: Path) -> None:
    folder = files / "go/hello"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module nilecare.sd/bundle/hello\n\nrequire example.sd/hello v1.2.3\n")
    (folder / "go.sum").write_text("")
    recipe = files / "recipes/hello.yml"
    go = "go: {directory: hello, module: example.sd/hello, programs: {hello: nilecare.sd/bundle/hello}}\n"
    recipe.write_text(recipe.read_text() + go)
    (folder / "main.go").write_text("package main\n")
    before = make_plan(files, "modules")
    (folder / "main.go").write_text("package main\n\nfunc main() {}\n")
    after = make_plan(files, "modules")
    assert before.unit("hello").key != after.unit("hello").key
    assert before.unit("image-hello").key == after.unit("image-hello").key


def test_the_etcd_that_verifies_backups_is_the_one_that_runs() -> None:
    recipes = {recipe.component: recipe for recipe in load(OWN / "recipes")}
    server, etcd = recipes["etcd-server"], recipes["etcd"]
    assert (server.version, server.go and server.go.directory) == (
        etcd.version,
        etcd.go and etcd.go.directory,
    )
    assert server.set == "backup"
