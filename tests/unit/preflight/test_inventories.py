# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventories of this repository are good; a bad one stops the playbook with all its faults at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.hostvars import read_inventory
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import Inventory
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.judge import judge_inventory
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.variables import read_known

from tests.unit.preflight.builders import SETTINGS

ROOT = Path(__file__).resolve().parents[3]

BROKEN = """\
---
machines:
  children:
    cluster:
      children:
        control_plane:
          hosts:
            a-1: {ansible_host: 127.0.0.2}
            a-2: {ansible_host: 127.0.0.2}
        workers:
          hosts:
            b_1: {ansible_host: 127.0.0.3, preflight_memmory: 1}
    mirror: {hosts: {}}
sites:
  children:
    site_khartoum:
      hosts: {a-1: {}, b_1: {}}
      vars: {site_network: 127.0.0.0/8}
    site_bahri: {hosts: {b_1: {}}, vars: {site_network: 10.244.0.0/16}}
all:
  vars:
    ansible_port: 1
    bundle_directory: /nonexistent
    cluster_max_nodes: 300
"""


@pytest.fixture(scope="module", autouse=True)
def collections() -> None:
    init_plugin_loader([str(ROOT / ".collections")])


class Listed(dict[str, Any]):
    """The hostvars of `ansible-inventory --list`."""

    def raw_get(self, name: str) -> Any:
        return self.get(name, {})


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / program), *arguments]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NILECARE_", "ANSIBLE_"))}
    kept.update(
        ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
        ANSIBLE_STDOUT_CALLBACK="ansible.builtin.default",
        ANSIBLE_CALLBACKS_ENABLED="ansible.builtin.timer",
    )
    return subprocess.run(
        command, cwd=ROOT, env=kept, capture_output=True, text=True, check=False, timeout=60
    )


def list_inventory(name: str) -> Inventory:
    """An inventory as `ansible-inventory` reads it, with plugins of the collection."""
    done = run("ansible-inventory", "-i", f"inventories/{name}", "--list")
    assert done.returncode == 0, done.stderr
    # what an inventory plugin sets comes as {"__ansible_unsafe": text}
    listed = json.loads(done.stdout, object_hook=lambda value: value.get("__ansible_unsafe", value))
    hostvars = Listed(listed.pop("_meta")["hostvars"])

    def members(group: str) -> list[str]:
        content = listed.get(group, {})
        below = [name for child in content.get("children", []) for name in members(child)]
        return list(dict.fromkeys([*content.get("hosts", []), *below]))

    groups = {name for content in listed.values() for name in content.get("children", [])} | set(listed)
    return read_inventory({group: members(group) for group in groups}, hostvars)


def load(path: Path) -> Inventory:
    """A static inventory with the places where its values are written."""
    loader = DataLoader()
    manager = InventoryManager(loader=loader, sources=[str(path)])
    variables = VariableManager(loader=loader, inventory=manager)
    return read_inventory(manager.get_groups_dict(), HostVars(manager, variables, loader))


@pytest.mark.parametrize(("name", "machines"), [("lab", 7), ("staging", 4), ("production", 31)])
def test_our_inventories_are_good(name: str, machines: int) -> None:
    inventory = list_inventory(name)
    assert len(inventory.machines) == machines
    assert judge_inventory(inventory, SETTINGS, read_known(ROOT / "roles")) == []


def test_production_can_grow_to_ten_nodes_a_site_and_no_further() -> None:
    inventory = load(ROOT / "inventories/production")
    for site in ("site_khartoum", "site_omdurman", "site_bahri"):
        assert len(inventory.members(site)) == 10
    found = judge_inventory(inventory, replace(SETTINGS, max_nodes=29), read_known(ROOT / "roles"))
    assert [one.key for one in found] == ["cluster_max_nodes"]


def test_findings_name_file_and_line() -> None:
    inventory = load(ROOT / "inventories/production")
    (machine,) = (machine for machine in inventory.machines if machine.name == "bahri-10")
    path, line = machine.origins["bmc_address"].split(":")
    assert "bahri-10" in (ROOT / path).read_text(encoding="utf-8").splitlines()[int(line) - 1]


def run_preflight(inventory: Path) -> subprocess.CompletedProcess[str]:
    return run("ansible-playbook", "-i", str(inventory), "playbooks/preflight.yml")


def test_the_playbook_reports_every_fault_in_one_message(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(BROKEN, encoding="utf-8")
    done = run_preflight(path)
    assert done.returncode == 2, done.stdout + done.stderr
    errors = done.stderr if "problems were found" in done.stderr else done.stdout
    message = errors[errors.index("problems were found") :].split("Origin:")[0]
    for part in (
        "Nothing was changed",
        "there is no bundle in /nonexistent",
        "2 control planes (a-1, a-2) is an even number",
        "127.0.0.2 is ansible_host of a-1 too",
        "holds 256 blocks of /24 for 300 nodes",
        "'b_1' cannot be the name of a node",
        "the host is in 2 sites (site_bahri, site_khartoum)",
        "the host is in no site",
        "preflight_memmory: no role knows this variable; expected preflight_memory",
        "mirror: the group is empty",
        f"{path}:12",
    ):
        assert part in message, message
    assert message.count("unreachable") == 3


MACHINES = """\
---
machines:
  hosts:
    good: {}
    no-python: {ansible_python_interpreter: /nonexistent/python3}
    no-sudo: {ansible_become: true, ansible_become_user: nobody, ansible_become_exe: /nonexistent/sudo}
    gone: {ansible_connection: ssh, ansible_host: 127.0.0.9, ansible_port: 1}
  vars: {ansible_connection: local}
"""

MEASURE = """\
---
- hosts: machines
  gather_facts: false
  tasks:
    - nilecare.platform.machine_facts: {}
    - ansible.builtin.copy:
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
        content: "{{ ansible_facts | to_json }}"
        mode: '0600'
      delegate_to: localhost
      vars: {ansible_connection: local, ansible_become: false}
"""


def test_what_cannot_be_measured_is_a_fact_too(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(MACHINES, encoding="utf-8")
    (tmp_path / "measure.yml").write_text(MEASURE, encoding="utf-8")
    done = run("ansible-playbook", "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "measure.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    facts = {path.stem: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    measured = {name: content["preflight_machine"] for name, content in facts.items()}
    assert measured["good"]["reachable"]
    assert measured["good"]["error"] == ""
    clock = measured["good"]["clock"]
    assert -60 < clock["low"] <= 0 <= clock["high"] < 60
    assert facts["good"]["distribution_version"] == measured["good"]["version"]
    assert measured["no-python"]["fault"] == "python"
    assert "/nonexistent/python3" in measured["no-python"]["error"]
    assert measured["no-sudo"]["fault"] == "become"
    assert not measured["gone"]["reachable"]
    assert measured["gone"]["error"].startswith("ssh: connect to host 127.0.0.9")


def test_an_inventory_without_machines_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text("---\nnodes: {hosts: {a-1: {}}}\n", encoding="utf-8")
    done = run_preflight(path)
    assert done.returncode == 2
    assert "The inventory lists no machine" in done.stdout + done.stderr
