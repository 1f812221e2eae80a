"""Both callbacks in a real run of ansible-playbook, and the terminal's picture of one."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.plugin_utils import terminal
from rich.console import Console

from tests.unit.report import sample

ROOT = Path(__file__).resolve().parents[3]

INVENTORY = """
cluster:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    cluster_name: demo
    kubernetes_version: 1.36.3
  children:
    site_khartoum: {hosts: {khartoum-1: }}
    site_bahri: {hosts: {bahri-1: }}
"""

PLAYBOOK = """
- name: Try everything
  hosts: cluster
  gather_facts: false
  tasks:
    - name: Say hello
      ansible.builtin.debug:
        msg: hello from {{ inventory_hostname }}
    - name: Write a secret
      ansible.builtin.copy:
        content: "password: hunter2\\nvalue: 1\\n"
        dest: "{{ folder }}/{{ inventory_hostname }}"
        mode: '0600'
    - name: Add a section
      ansible.builtin.set_fact:
        nilecare_report: {section: Extra, facts: {Answer: 42}}
      run_once: true
    - name: Fail on one
      ansible.builtin.fail:
        msg: "no way for {{ inventory_hostname }}"
      when: inventory_hostname == 'bahri-1'
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("run")
    (folder / "hosts.yml").write_text(INVENTORY)
    (folder / "try.yml").write_text(PLAYBOOK)
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_HOME": str(folder / "home"),
        "HOME": str(folder),
        "NILECARE_REPORT_DIRECTORY": str(folder / "reports"),
    }
    command = [
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "-i",
        str(folder / "hosts.yml"),
        str(folder / "try.yml"),
    ]
    command += ["--diff", "-e", f"folder={folder}"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=60
    )
    report = folder / "reports" / "latest" / "report.json"
    assert report.exists(), done.stdout + done.stderr
    return done, json.loads(report.read_text())


def test_the_lines_say_what_happened(ran: tuple[subprocess.CompletedProcess[str], dict[str, Any]]) -> None:
    done, _report = ran
    assert done.returncode == 2
    assert "khartoum-1: hello from khartoum-1" in done.stdout
    assert "Write a secret  2 changed" in done.stdout
    assert "FAILED on bahri-1: Fail on one" in done.stdout
    assert "  no way for bahri-1" in done.stdout
    assert "+value: 1" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout
    assert "Callback" not in done.stderr, done.stderr


def test_the_report_says_the_same(ran: tuple[subprocess.CompletedProcess[str], dict[str, Any]]) -> None:
    _done, report = ran
    assert (report["result"], report["cluster"], report["playbook"]) == ("failed", "demo", "try.yml")
    assert report["versions"]["kubernetes"] == "1.36.3"
    assert {name: host["state"] for name, host in report["hosts"].items()} == {
        "bahri-1": "failed",
        "khartoum-1": "changed",
    }
    assert [machine["site"] for machine in report["machines"]] == ["khartoum", "bahri"]
    assert report["failures"][0]["message"] == "no way for bahri-1"
    assert report["sections"][0]["title"] == "Extra"
    assert "hunter2" not in json.dumps(report)


def test_the_terminal_shows_every_host_of_a_task() -> None:
    run = sample.make("failed")
    task = next(task for task in run.tasks if task.name == "Join the workers")
    screen = terminal.Terminal(run, lambda: 10.0, lambda: 65.0)
    output = io.StringIO()
    screen._console = Console(file=output, width=120, force_terminal=False)
    screen.play("Build the cluster", [machine.name for machine in run.machines])
    screen.begin(task)
    screen.stop()
    screen.end(task)
    lines = output.getvalue().splitlines()
    assert "✗ kubernetes_node : Join the workers" in lines[-1]
    assert "khartoum ●●" in lines[-1] and "bahri ●✗" in lines[-1]
    assert "about 1:05 left" in str(screen._render().renderables[-1])


def test_columns_are_sites_the_mirror_and_the_controller() -> None:
    run = sample.make()
    assert terminal.columns(run, ["khartoum-1", "khartoum-2", "mirror-1", "localhost"]) == {
        "khartoum": ["khartoum-1", "khartoum-2"],
        "mirror": ["mirror-1"],
        "controller": ["localhost"],
    }
