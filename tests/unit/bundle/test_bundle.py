# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A bundle as a whole: made, made again, damaged, mended, killed, made twice at once."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import build, manifest, registry_store
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.builders import Builders, Settings
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.cache import ItemCache
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.errors import BundleError
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.files import files_below, sha256_of
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.plan import Plan, make_plan

IMAGE = "registry.example.sd/hello:v1.2.3"


def blobs(bundle: Path, name: str = IMAGE) -> list[Path]:
    """Files of an image: its manifest, configuration, layers."""
    item = next(item for item in manifest.read(bundle).items if item.name == name)
    root = bundle / "images"
    first = registry_store.blob_path(root, f"sha256:{item.sha256}")
    return [first] + [
        registry_store.blob_path(root, d) for d in registry_store.referenced(json.loads(first.read_text()))
    ]


def sums(folder: Path) -> dict[str, str]:
    """Every file's checksum."""
    return {path: sha256_of(folder / path) for path in files_below(folder)}


def test_a_second_run_changes_nothing(bundle: Path, plan: Plan, settings: Settings) -> None:
    before = sums(bundle)
    result = build.make(plan, settings, bundle, print)
    assert not result.changed
    assert result.items == 3
    assert sums(bundle) == before


def test_made_twice_from_nothing_it_is_the_same_item_by_item(
    bundle: Path, plan: Plan, tmp_path: Path
) -> None:
    build.make(plan, Settings(tmp_path / "another cache"), tmp_path / "another", print)
    assert sums(tmp_path / "another") == sums(bundle)


def test_check_mode_says_what_would_be_built_and_makes_nothing(
    plan: Plan, settings: Settings, tmp_path: Path
) -> None:
    result = build.make(plan, settings, tmp_path / "bundle", print, check=True)
    assert result.built == ["image-hello", "image-nilecare-other"]
    assert result.changed
    assert not (tmp_path / "bundle").exists()


def test_progress_tells_item_elapsed_and_estimate(plan, settings, tmp_path, said) -> None:  # type: ignore[no-untyped-def]
    lines, say = said
    build.make(plan, settings, tmp_path / "bundle", say)
    assert "item 1 of 2  image-hello 1.2.3  (elapsed 0:00, about 0:10 left)" in lines[0]
    assert "item 2 of 2" in lines[1]


def damaged(bundle: Path, number: int, how: str) -> None:
    """Damage a blob of the image without touching the cache, which shares the file."""
    path = blobs(bundle)[number]
    content = path.read_bytes()
    path.unlink()
    if how == "truncated":
        path.write_bytes(content[:-1])
    elif how == "altered":
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


@pytest.mark.parametrize("number", [0, 1, 2], ids=["manifest", "configuration", "layer"])
@pytest.mark.parametrize("how", ["missing", "truncated", "altered"])
def test_verify_names_a_bad_image(bundle: Path, number: int, how: str) -> None:
    damaged(bundle, number, how)
    problems = manifest.verify(bundle)
    assert any(problem.item == f"image {IMAGE}" for problem in problems)
    word = "altered" if (number, how) == (0, "truncated") else how
    assert word in problems[0].problem


def test_verify_names_every_bad_item(bundle: Path) -> None:
    for path in (bundle / "images").rglob("tags"):
        shutil.rmtree(path)
    (bundle / "sbom.cdx.json").write_text("{}")
    found = {problem.item for problem in manifest.verify(bundle)}
    assert found == {f"image {IMAGE}", "image docker.io/nilecare/other:1", "manifest sbom.cdx.json"}


def test_a_damaged_bundle_is_mended_from_the_cache(bundle: Path, plan: Plan, settings: Settings) -> None:
    before = sums(bundle)
    damaged(bundle, 2, "altered")
    result = build.make(plan, settings, bundle, print)
    assert result.changed
    assert result.built == []
    assert sums(bundle) == before


def test_damage_that_the_cache_shares_is_built_again(bundle: Path, plan: Plan, settings: Settings) -> None:
    before = sums(bundle)
    blobs(bundle)[2].write_bytes(b"something else")
    result = build.make(plan, settings, bundle, print)
    assert "image-hello" in result.built
    assert sums(bundle) == before


def test_files_that_are_not_of_the_bundle_are_removed(bundle: Path, plan: Plan, settings: Settings) -> None:
    (bundle / "bin").mkdir()
    (bundle / "bin/old").write_text("of an older bundle")
    (bundle / "manifest.json").unlink()
    build.make(plan, settings, bundle, print)
    assert not (bundle / "bin").exists()


def test_only_what_a_change_touches_is_built_again(bundle: Path, files: Path, settings: Settings) -> None:
    recipe = files / "recipes/hello.yml"
    recipe.write_text(recipe.read_text().replace("salaam", "marhaba"))
    plan = make_plan(files, "modules")
    assert build.make(plan, settings, bundle, print, check=True).built == ["image-hello"]


def test_a_build_that_fails_leaves_nothing_and_the_next_run_goes_on(
    plan: Plan, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Builders.build

    def failing(self, unit, built, needs, tick):  # type: ignore[no-untyped-def]
        real(self, unit, built, needs, tick)
        if unit.name == "image-nilecare-other":
            raise BundleError("the disk is full")

    monkeypatch.setattr(build, "WORKERS", 1)
    monkeypatch.setattr(Builders, "build", failing)
    with pytest.raises(BundleError, match="disk is full"):
        build.make(plan, settings, tmp_path / "bundle", print)
    assert not (tmp_path / "bundle").exists()
    folders = [path.name for path in (settings.cache / "items").iterdir() if path.name != ".locks"]
    assert folders == [plan.units[0].folder]
    monkeypatch.setattr(Builders, "build", real)
    assert build.make(plan, settings, tmp_path / "bundle", print).built == ["image-nilecare-other"]


KILLED = """
import os, signal, sys
from pathlib import Path
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import build, builders, plan
real = builders.Builders.build
def deadly(self, unit, built, needs, tick):
    real(self, unit, built, needs, tick)
    if unit.name == "image-nilecare-other":
        os.kill(os.getpid(), signal.SIGKILL)
builders.Builders.build = deadly
build.WORKERS = 1
files, cache, bundle = map(Path, sys.argv[1:])
build.make(plan.make_plan(files, "modules"), builders.Settings(cache), bundle, print)
"""


def test_a_killed_run_is_resumed(plan: Plan, files: Path, settings: Settings, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(files), str(settings.cache), str(bundle)],
        env=environment,
        check=False,
    )
    assert done.returncode == -9
    assert not (bundle / "manifest.json").exists()
    assert build.make(plan, settings, bundle, print).built == ["image-nilecare-other"]
    assert manifest.verify(bundle) == []
    assert not [p for p in (settings.cache / "items").iterdir() if p.name.startswith(".image")]


def _make(files: Path, cache: Path, bundle: Path, log: Path) -> None:
    real = Builders.build

    def counting(self, unit, built, needs, tick):  # type: ignore[no-untyped-def]
        with log.open("a") as stream:
            stream.write(unit.name + "\n")
        real(self, unit, built, needs, tick)

    Builders.build = counting  # type: ignore[method-assign]
    build.make(make_plan(files, "modules"), Settings(cache), bundle, print)


def test_two_runs_at_once_build_everything_once(files: Path, settings: Settings, tmp_path: Path) -> None:
    log, bundle = tmp_path / "log", tmp_path / "bundle"
    context = multiprocessing.get_context("fork")
    runs = [context.Process(target=_make, args=(files, settings.cache, bundle, log)) for _run in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0, 0]
    assert sorted(log.read_text().split()) == ["image-hello", "image-nilecare-other"]
    assert manifest.verify(bundle) == []


def test_too_little_disk_is_said_before_anything_is_built(
    plan: Plan, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 90, 10 * 2**20))
    with pytest.raises(BundleError, match=r"needs about 100 MiB .* 10 MiB are free; nothing was built"):
        build.make(plan, settings, tmp_path / "bundle", print)
    assert not (settings.cache / "items").exists()


def test_trim_removes_only_what_is_not_planned(
    bundle: Path, files: Path, plan: Plan, settings: Settings
) -> None:
    recipe = files / "recipes/hello.yml"
    recipe.write_text(recipe.read_text().replace("salaam", "marhaba"))
    new = make_plan(files, "modules")
    removed = build.trim(new, new, settings, ["items"])
    assert removed == [plan.unit("image-hello").folder]
    assert ItemCache(settings.cache / "items").load(new.unit("image-nilecare-other"))


def test_trim_keeps_items_of_sets_that_are_not_wanted_now(
    files: Path, settings: Settings, optional: str
) -> None:
    (files / "recipes/salaam.yml").write_text(optional)
    full, plan = make_plan(files, "modules", ["mesh"]), make_plan(files, "modules")
    build.make(full, settings, settings.cache / "bundles" / full.key, print)
    assert build.trim(plan, full, settings, ["items", "bundles"]) == [f"bundles/{full.key}"]
    assert ItemCache(settings.cache / "items").load(full.unit("image-salaam"))


def test_the_bill_of_materials_lists_every_item(bundle: Path) -> None:
    value = json.loads((bundle / "sbom.cdx.json").read_text())
    assert value["bomFormat"] == "CycloneDX"
    assert {component["name"] for component in value["components"]} == {IMAGE, "docker.io/nilecare/other:1"}
    assert all(component["licenses"] for component in value["components"])
