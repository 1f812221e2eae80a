# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The modules and lookups as a playbook uses them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.bundle import location

COLLECTIONS = location.FILES.parents[5]

PLAYBOOK = """---
- name: Make and use a bundle
  hosts: localhost
  connection: local
  gather_facts: false
  vars:
    image: registry.example.sd/hello:v1.2.3
    place: "{where}"
    bundle_directory: "{{{{ place }}}}"
  tasks:
    - name: Make the bundle
      nilecare.platform.bundle:
        files: "{files}"
        cache: "{cache}"
        directory: "{{{{ bundle_directory }}}}"
      register: made
    - name: Say what there is
      ansible.builtin.debug:
        msg: "digest {{{{ lookup('nilecare.platform.bundle_item', image).sha256 }}}}"
      when: not ansible_check_mode
    - name: Damage it
      ansible.builtin.file:
        path: "{{{{ bundle_directory }}}}/sbom.cdx.json"
        state: absent
      when: damage is defined
    - name: Verify it
      nilecare.platform.bundle_verify:
        directory: "{{{{ bundle_directory }}}}"
        required: "{{{{ required | default([]) }}}}"
      when: not ansible_check_mode
    - name: Ask for what is not there
      ansible.builtin.debug:
        msg: "{{{{ lookup('nilecare.platform.bundle_item', 'kubelet') }}}}"
      when: ask is defined
"""


@pytest.fixture
def play(files: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Runs the playbook with arguments; returns the exit code and what was printed."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAYBOOK.format(files=files, cache=tmp_path / "cache", where=tmp_path / "bundle"))

    (tmp_path / "ansible.cfg").touch()

    def run(*arguments: str) -> tuple[int, str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ANSIBLE_", "NILECARE_"))}
        environment |= {
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "COLUMNS": "500",
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook), *arguments]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_check_then_make_then_again(play, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, text = play("--check")
    assert (code, "changed=1" in text) == (0, True), text
    assert not (tmp_path / "bundle").exists()
    code, text = play()
    assert (code, "changed=1" in text) == (0, True), text
    assert "bundle: item 1 of 2  image-hello 1.2.3" in text
    assert "digest " in text
    code, text = play()
    assert (code, "changed=0" in text) == (0, True), text


def test_bad_items_are_named(play) -> None:  # type: ignore[no-untyped-def]
    code, text = play("-e", "damage=true", "-e", '{"required": ["kubeadm"]}')
    assert code == 2
    assert "has 2 bad items" in text
    assert "kubeadm: missing: it is not listed" in text
    assert "manifest sbom.cdx.json: missing: " in text


def test_an_absent_item_is_named_with_its_bundle(play, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, text = play("-e", "ask=true")
    assert code == 2
    assert f"the bundle in {tmp_path}/bundle has no item kubelet; it has 3 others" in text


def test_the_wanted_sets_may_be_a_template(play, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """As in the lab's inventory, where they come from the environment."""
    (tmp_path / "play.yml").write_text(SETS)
    code, text = play("-e", "wanted=")
    assert code == 0, text
    code, text = play("-e", "wanted=mash")
    assert code == 2
    assert "bundle_sets: mash is no set; expected any of" in text


SETS = """---
- name: Ask where the bundle lies
  hosts: localhost
  connection: local
  gather_facts: false
  vars:
    bundle_sets: "{{ wanted | split(',') | select | list }}"
  tasks:
    - name: Say where the bundle lies
      ansible.builtin.debug:
        msg: "directory: {{ lookup('nilecare.platform.bundle_directory') }}"
"""
