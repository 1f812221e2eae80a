# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Small bundles for the tests, made without a network or a compiler."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import build
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.builders import Settings
from ansible_collections.nilecare.platform.plugins.module_utils.bundle.plan import Plan, make_plan

RECIPE = """---
component: hello
version: 1.2.3
licence: Apache-2.0
origin: https://example.sd/hello
own: true
images:
  - name: registry.example.sd/hello
    tag: v$version
    entrypoint: [/hello]
    files:
      - {path: /hello, file: hello.sh}
      - {path: /etc/hello/greeting, mode: '0644', content: "salaam\\n"}
  - name: docker.io/nilecare/other
    tag: '1'
    command: [/hello]
    files:
      - {path: /hello, file: hello.sh}
"""


#: a component that only bundles with the mesh have
OPTIONAL = """---
component: salaam
version: '1'
licence: MIT
origin: https://example.sd/salaam
own: true
set: mesh
images:
  - {name: registry.example.sd/salaam, tag: '1', files: [{path: /hello, file: hello.sh}]}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of recipes with one component of two images."""
    folder = tmp_path / "files"
    (folder / "recipes").mkdir(parents=True)
    (folder / "content").mkdir()
    (folder / "recipes/hello.yml").write_text(RECIPE)
    (folder / "content/hello.sh").write_text("#!/bin/sh\necho hello\n")
    return folder


@pytest.fixture
def plan(files: Path) -> Plan:
    """The plan of those recipes."""
    return make_plan(files, "modules")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A cache of its own."""
    return Settings(tmp_path / "cache")


@pytest.fixture
def bundle(plan: Plan, settings: Settings, tmp_path: Path) -> Path:
    """A finished bundle."""
    pytest.importorskip("cyclonedx")
    directory = tmp_path / "bundle"
    build.make(plan, settings, directory, print)
    return directory


@pytest.fixture
def said() -> tuple[list[str], Callable[[str], None]]:
    """A list, and a function that adds to it."""
    lines: list[str] = []
    return lines, lines.append


@pytest.fixture
def optional() -> str:
    """The text of a recipe that only bundles with the mesh have."""
    return OPTIONAL
