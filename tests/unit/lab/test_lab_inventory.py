"""The inventory plugin, as Ansible loads it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible_collections.nilecare.platform.plugins.inventory import lab

NAME = "nilecare.platform.lab"
VARIABLES = ("NAME", "NETWORK", "NODES", "EXTRA", "ONLY")


@pytest.fixture(scope="module", autouse=True)
def options() -> None:
    """Make the plugin's options known, as Ansible does when it loads the plugin."""
    described = yaml.safe_load(lab.DOCUMENTATION)["options"]
    constants.config.initialize_plugin_configuration_definitions("inventory", NAME, described)


@pytest.fixture(autouse=True)
def no_lab_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(f"NILECARE_LAB_{name}", raising=False)
    monkeypatch.delenv("NILECARE_BUNDLE_SETS", raising=False)


@pytest.fixture
def inventory(tmp_path: Path) -> InventoryData:
    return parse(tmp_path, "name: test\nnetwork: 10.99.0.0/16\n")


def parse(folder: Path, text: str) -> InventoryData:
    """Load the plugin with the options in `text`, which win over the environment."""
    source = folder / "lab.yml"
    source.write_text(f"plugin: nilecare.platform.lab\nstate_root: {folder}/state\n{text}")
    data = InventoryData()
    plugin = lab.InventoryModule()
    plugin._load_name, plugin._redirected_names = NAME, [NAME]
    plugin.parse(data, DataLoader(), str(source))
    data.reconcile_inventory()
    return data


def test_hosts_are_in_the_groups_that_roles_read(inventory: InventoryData) -> None:
    groups = {name: {host.name for host in group.get_hosts()} for name, group in inventory.groups.items()}
    assert groups["machines"] == groups["cluster"] | {"mirror-1"}
    assert groups["cluster"] == groups["sites"] == groups["control_plane"] | groups["workers"]
    assert groups["workers"] == groups["pool_compute"] | groups["pool_memory"] | groups["pool_storage"]
    assert groups["missing"] == set()


def test_variables_that_roles_read_are_there(inventory: InventoryData, tmp_path: Path) -> None:
    assert inventory.groups["all"].vars["cluster_name"] == "test"
    assert inventory.groups["site_omdurman"].vars["site_network"] == "10.99.2.0/24"
    assert inventory.hosts["khartoum-2"].vars["ansible_host"] == "10.99.1.12"
    machines = inventory.groups["machines"].vars
    assert machines["ansible_user"] == "operator" and machines["ansible_become"] is True
    assert machines["ansible_ssh_private_key_file"] == f"{tmp_path}/state/test/ssh/id_ed25519"
    assert "StrictHostKeyChecking=yes" in machines["ansible_ssh_common_args"]


def test_mistakes_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(AnsibleParserError) as caught:
        parse(tmp_path, "name: Test\nnodes: 4\n")
    said = str(caught.value)
    assert "lab.yml" in said and "'Test'" in said and "nodes 4" in said


def test_an_empty_word_is_no_word(tmp_path: Path) -> None:
    assert len(parse(tmp_path, "extra: ['']\nonly: ['']\n").hosts) == 7


def test_stores_are_there_where_the_bundle_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stores.yml").write_text("stores: {children: {data: {hosts: {postgresql: {}}}}}\n")
    assert "stores" not in parse(tmp_path, "stores: stores.yml\n").groups
    monkeypatch.setenv("NILECARE_BUNDLE_SETS", "mesh,data")
    found = parse(tmp_path, "stores: stores.yml\n")
    assert [host.name for host in found.groups["stores"].get_hosts()] == ["postgresql"]


def test_an_object_store_is_there_where_the_bundle_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = parse(tmp_path, "")
    assert "backup_store" not in found.groups
    assert {host.name for host in found.groups["etcd"].get_hosts()} == {"khartoum-1", "omdurman-1", "bahri-1"}
    monkeypatch.setenv("NILECARE_BUNDLE_SETS", "backup")
    hosts = parse(tmp_path, "").groups["backup_store"].get_hosts()
    assert [host.name for host in hosts] == ["mirror-1"]
