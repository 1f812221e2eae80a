# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every fault of an inventory is found, at the right host and key, and a good inventory has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.finding import Finding, report
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.inventory import Settings
from ansible_collections.nilecare.platform.plugins.plugin_utils.preflight.judge import judge_inventory

from tests.unit.preflight.builders import KNOWN, PLANE, SETTINGS, WORKER, Draft


def findings(draft: Draft, settings: Settings = SETTINGS) -> list[Finding]:
    return judge_inventory(draft.build(), settings, KNOWN)


def test_a_good_inventory_has_no_fault() -> None:
    assert findings(Draft()) == []


def no_control_plane(draft: Draft) -> None:
    for name in ("khartoum-1", "omdurman-1", "bahri-1"):
        draft.groups[name] = draft.groups[name] - {"control_plane"} | {"workers"}


def even_control_planes(draft: Draft) -> None:
    draft.groups["bahri-1"] = draft.groups["bahri-1"] - {"control_plane"} | {"workers"}


def two_in_one_site(draft: Draft) -> None:
    draft.groups["bahri-1"] = draft.groups["bahri-1"] - {"control_plane"} | {"workers"}
    draft.groups["khartoum-2"] = draft.groups["khartoum-2"] | {"control_plane"}


def no_site(draft: Draft) -> None:
    draft.groups["bahri-2"] -= {"site_bahri", "sites"}


def two_sites(draft: Draft) -> None:
    draft.groups["bahri-2"] |= {"site_khartoum"}


def same_name_but_for_case(draft: Draft) -> None:
    draft.add("Bahri-2", draft.groups["bahri-2"], "10.20.3.13", "10.20.3.0/24")


def same_address(draft: Draft) -> None:
    draft.variables["bahri-2"]["ansible_host"] = "10.20.3.11"


def bmc_is_a_hosts_address(draft: Draft) -> None:
    draft.variables["bahri-2"]["bmc_address"] = "10.20.1.11"


def reserve_without_bmc(draft: Draft) -> None:
    draft.add("bahri-3", {"reserve", "sites", "site_bahri"}, "10.20.3.13", "10.20.3.0/24")


def reserve_in_the_cluster(draft: Draft) -> None:
    draft.groups["bahri-2"] |= {"reserve"}
    draft.variables["bahri-2"]["bmc_address"] = "10.20.103.12"


def address_outside_site(draft: Draft) -> None:
    draft.variables["bahri-2"]["ansible_host"] = "10.20.1.12" + "0"


def address_in_pod_network(draft: Draft) -> None:
    draft.variables["mirror-1"]["ansible_host"] = "10.244.7.1"


def address_is_broadcast(draft: Draft) -> None:
    draft.variables["bahri-2"]["ansible_host"] = "10.20.3.255"


def address_is_a_name(draft: Draft) -> None:
    draft.variables["bahri-2"]["ansible_host"] = "bahri-2.example.org"


def site_networks_overlap(draft: Draft) -> None:
    for name in ("bahri-1", "bahri-2"):
        draft.variables[name]["site_network"] = "10.20.0.0/22"


def site_network_missing(draft: Draft) -> None:
    for name in ("bahri-1", "bahri-2"):
        del draft.variables[name]["site_network"]


def site_network_differs(draft: Draft) -> None:
    draft.variables["bahri-2"]["site_network"] = "10.20.3.0/25"


def site_network_with_host_bits(draft: Draft) -> None:
    for name in ("bahri-1", "bahri-2"):
        draft.variables[name]["site_network"] = "10.20.3.1/24"


def underscore_in_name(draft: Draft) -> None:
    draft.add("bahri_3", WORKER | {"sites", "site_bahri"}, "10.20.3.13", "10.20.3.0/24")


def name_too_long(draft: Draft) -> None:
    draft.add("b" * 64, WORKER | {"sites", "site_bahri"}, "10.20.3.13", "10.20.3.0/24")


def empty_mirror(draft: Draft) -> None:
    draft.remove("mirror-1")


def no_mirror_group(draft: Draft) -> None:
    draft.without.add("mirror")


def node_without_role(draft: Draft) -> None:
    draft.groups["bahri-2"] -= {"workers"}


def worker_outside_cluster(draft: Draft) -> None:
    draft.groups["bahri-2"] -= {"cluster"}


def mirror_is_a_node(draft: Draft) -> None:
    draft.groups["bahri-2"] |= {"mirror"}


def two_pools(draft: Draft) -> None:
    draft.groups["bahri-2"] |= {"pool_compute", "pool_memory"}


def mistyped_variable(draft: Draft) -> None:
    draft.variables["bahri-2"]["cluster_pod_netwrok"] = "10.0.0.0/8"


def mistyped_prefix(draft: Draft) -> None:
    draft.variables["bahri-2"]["clutser_pod_network"] = "10.0.0.0/8"


def value_of_wrong_type(draft: Draft) -> None:
    draft.variables["bahri-2"]["host_count"] = "many"


def value_outside_choices(draft: Draft) -> None:
    draft.variables["bahri-2"]["host_colour"] = "blue"


def shared_variable_differs(draft: Draft) -> None:
    draft.variables["bahri-2"]["cluster_pod_network"] = "10.240.0.0/16"


FAULTS: list[tuple[Callable[[Draft], None], str, str, str]] = [
    (no_control_plane, "", "control_plane", "there is no control plane"),
    (even_control_planes, "", "control_plane", "2 control planes (khartoum-1, omdurman-1) is an even number"),
    (two_in_one_site, "", "control_plane", "2 of 3 control planes are in site_khartoum"),
    (no_site, "bahri-2", "sites", "in no site"),
    (two_sites, "bahri-2", "sites", "in 2 sites (site_bahri, site_khartoum)"),
    (same_name_but_for_case, "Bahri-2", "inventory_hostname", "differs from bahri-2 in case only"),
    (same_address, "bahri-2", "ansible_host", "10.20.3.11 is ansible_host of bahri-1 too"),
    (bmc_is_a_hosts_address, "bahri-2", "bmc_address", "10.20.1.11 is ansible_host of khartoum-1 too"),
    (reserve_without_bmc, "bahri-3", "bmc_address", "is not set"),
    (reserve_in_the_cluster, "bahri-2", "reserve", "in the cluster and in reserve"),
    (address_outside_site, "bahri-2", "ansible_host", "outside the network of its site"),
    (address_in_pod_network, "mirror-1", "ansible_host", "inside 10.244.0.0/16 (cluster_pod_network)"),
    (address_is_broadcast, "bahri-2", "ansible_host", "first or last address"),
    (address_is_a_name, "bahri-2", "ansible_host", "is no IPv4 address"),
    (site_networks_overlap, "", "site_network", "overlaps 10.20.0.0/22 (site_bahri)"),
    (site_network_missing, "", "site_network", "is not set for site_bahri"),
    (site_network_differs, "", "site_network", "site_bahri has several"),
    (site_network_with_host_bits, "", "site_network", "'10.20.3.1/24' is no IPv4 network"),
    (underscore_in_name, "bahri_3", "inventory_hostname", "cannot be the name of a node"),
    (name_too_long, "b" * 64, "inventory_hostname", "cannot be the name of a node"),
    (empty_mirror, "", "mirror", "the group is empty"),
    (no_mirror_group, "", "mirror", "no such group"),
    (node_without_role, "bahri-2", "cluster", "neither control plane nor worker"),
    (worker_outside_cluster, "bahri-2", "cluster", "in workers but not in cluster"),
    (mirror_is_a_node, "bahri-2", "mirror", "the mirror is a node"),
    (two_pools, "bahri-2", "pool", "in 2 pools"),
    (mistyped_variable, "bahri-2", "cluster_pod_netwrok", "no role knows"),
    (mistyped_prefix, "bahri-2", "clutser_pod_network", "no role knows"),
    (value_of_wrong_type, "bahri-2", "host_count", "'many'"),
    (value_outside_choices, "bahri-2", "host_colour", "got: blue"),
    (shared_variable_differs, "", "cluster_pod_network", "differs between hosts"),
]


@pytest.mark.parametrize(("break_it", "host", "key", "message"), FAULTS, ids=[f[0].__name__ for f in FAULTS])
def test_each_fault_is_found(break_it: Callable[[Draft], None], host: str, key: str, message: str) -> None:
    draft = Draft()
    break_it(draft)
    found = findings(draft)
    assert [one for one in found if one.host == host and one.key == key and message in one.message], found
    assert all(one.expected for one in found)


SETTING_FAULTS = [
    (replace(SETTINGS, service_network="10.244.128.0/17"), "cluster_service_network", "overlaps"),
    (
        replace(SETTINGS, pod_network="10.20.0.0/16"),
        "site_network",
        "overlaps 10.20.0.0/16 (cluster_pod_network)",
    ),
    (replace(SETTINGS, pod_network="10.244.0.0/20"), "cluster_pod_network", "holds 16 blocks of /24 for 30"),
    (replace(SETTINGS, pod_network="10.244.0.0/25"), "cluster_pod_network", "holds 0 blocks"),
    (replace(SETTINGS, pod_network="10.244.0.0"), "cluster_pod_network", "is no IPv4 network"),
    (replace(SETTINGS, service_network="fd00::/112"), "cluster_service_network", "is no IPv4 network"),
    (replace(SETTINGS, service_network="10.96.0.0/28"), "cluster_service_network", "is not usable"),
    (replace(SETTINGS, max_nodes=5), "cluster_max_nodes", "6 nodes are listed"),
    (replace(SETTINGS, allow_missing=["nobody"]), "cluster_allow_missing_hosts", "nobody is no host"),
    (replace(SETTINGS, allow_missing=["mirror-1"]), "cluster_allow_missing_hosts", "mirror-1 is no host"),
    (
        replace(SETTINGS, allow_missing=["khartoum-1", "bahri-1"]),
        "cluster_allow_missing_hosts",
        "2 of 3 control planes may be missing",
    ),
]


@pytest.mark.parametrize(("settings", "key", "message"), SETTING_FAULTS)
def test_each_fault_of_a_setting_is_found(settings: Settings, key: str, message: str) -> None:
    found = findings(Draft(), settings)
    assert [one for one in found if one.key == key and message in one.message], found


def test_a_minority_of_the_control_planes_may_be_missing() -> None:
    assert findings(Draft(), replace(SETTINGS, allow_missing=["khartoum-1"])) == []


def test_five_control_planes_spread_two_two_one_survive_a_site() -> None:
    draft = Draft()
    for name in ("khartoum-2", "omdurman-2"):
        draft.groups[name] |= {"control_plane"}
    assert findings(draft) == []


def test_one_control_plane_alone_is_no_fault() -> None:
    draft = Draft()
    for name in ("omdurman-1", "bahri-1"):
        draft.groups[name] = draft.groups[name] - {"control_plane"} | {"workers"}
    assert findings(draft) == []


def test_a_control_plane_may_be_a_worker_too() -> None:
    draft = Draft()
    for name in ("khartoum-1", "omdurman-1", "bahri-1"):
        draft.groups[name] |= PLANE | WORKER
    assert findings(draft) == []


def test_a_mistyped_variable_is_found_once_with_its_place_and_the_name_that_was_meant() -> None:
    draft = Draft()
    for variables in draft.variables.values():
        variables["cluster_pod_netwrok"] = "10.0.0.0/8"
    (found,) = findings(draft)
    assert found.host == ""
    assert "cluster_pod_network" in found.expected
    assert found.file.startswith("hosts.yml:")


def test_variables_of_others_are_nobodys_business() -> None:
    draft = Draft()
    draft.variables["bahri-2"].update(ansible_ssh_pipelining=True, rack="b7", owner="radiology")
    assert findings(draft) == []


def test_templates_and_secrets_are_not_judged() -> None:
    draft = Draft()
    draft.variables["bahri-2"].update(
        host_count="{{ 1 + 1 }}", host_packages=["{{ a }}"], host_password="secret"
    )
    assert findings(draft) == []


def test_a_value_that_can_become_the_right_type_is_no_fault() -> None:
    draft = Draft()
    draft.variables["bahri-2"].update(host_count="3", host_packages=["vim"], host_colour="green")
    assert findings(draft) == []


def test_all_faults_are_reported_together() -> None:
    draft = Draft()
    for break_it in (even_control_planes, no_site, mistyped_variable, shared_variable_differs, empty_mirror):
        break_it(draft)
    text = report(findings(draft))
    assert text.splitlines()[0] == "5 problems were found. Nothing was changed."
    for part in (
        "even number",
        "in no site",
        "cluster_pod_netwrok",
        "differs between",
        "group is empty",
        "bahri-2:",
    ):
        assert part in text
