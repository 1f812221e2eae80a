"""From variables to stores, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.nilecare.platform.plugins.module_utils.services.inventory import Host
from ansible_collections.nilecare.platform.plugins.module_utils.stores.inventory import (
    Client,
    Stores,
    read_stores,
)
from ansible_collections.nilecare.platform.plugins.module_utils.stores.surroundings import surroundings

ROOT = Path(__file__).resolve().parents[3]
SITES = {f"{site}-{n}": site for site in ("bahri", "khartoum", "omdurman") for n in (1, 2)}
OWN: Mapping[str, Any] = {
    "store_namespaces": ["data", "messaging"],
    "store_engine": "postgresql",
    "store_image": "docker.io/nilecare/postgresql",
    "store_version": "18.6",
    "store_size": "50Gi",
    "store_storage_class": "fast-ssd",
    "store_machines": ["bahri-2", "khartoum-2", "omdurman-2"],
    "store_tiers": {
        "small": {"cpu_request": "1", "cpu_limit": "2", "memory_request": "1Gi", "memory_limit": "2Gi"}
    },
    "store_tier": "small",
    "store_uid": 999,
    "store_domain": "cluster.local",
    "store_monitoring_namespace": "monitoring",
    "store_api_server_port": 6443,
    "namespaces_quota": {"cpu": 30, "memory": "60Gi", "storage": "500Gi", "pods": 20},
}
BILLING = Client(
    "billing",
    "business",
    {"app": "billing-service"},
    ("auth", "postgresql"),
    {"databases": {"postgresql": ["billing"]}},
)


def options() -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for role in ("namespaces", "store"):
        path = ROOT / "roles" / role / "meta" / "argument_specs.yml"
        merged.update(yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"])
    return merged


def read(clients: list[Client] | None = None, **changes: Any) -> tuple[Stores, list[str]]:
    variables = {k: v for k, v in {**OWN, **changes}.items() if v is not None}
    host = Host("postgresql", variables, ("stores", "data"))
    stores, findings = read_stores([host], options(), clients or [], SITES)
    return stores, [str(finding) for finding in findings]


def test_a_store_knows_who_declared_it() -> None:
    other = Client("ehr", "clinical", {"app": "ehr-service"}, ("mysql",))
    stores, findings = read([other, BILLING])
    assert findings == []
    store = stores.stores["postgresql"]
    assert [(peer.name, peer.namespace) for peer in store.callers] == [("billing", "business")]
    assert [(d.service, d.databases) for d in store.declarations] == [("billing", ("billing",))]


def test_members_stand_in_three_sites() -> None:
    assert "each in another site" in read(store_machines=["bahri-1", "bahri-2", "khartoum-1"])[1][0]
    assert "names 2 machines" in read(store_machines=["bahri-1", "khartoum-1"])[1][0]
    assert "mars-1: not in group cluster" in read(store_machines=["bahri-1", "khartoum-1", "mars-1"])[1][0]


def test_all_errors_at_once() -> None:
    _stores, findings = read(
        store_size="many", store_tier="huge", store_version=None, store_colour="blue", store_uid="me"
    )
    for part in ("store_size", "store_tier: is 'huge'", "store_version: is missing", "store_colour"):
        assert [text for text in findings if part in text], part


def test_what_is_declared_must_be_depended_on_and_belongs_to_one() -> None:
    careless = Client(
        "ehr", "clinical", {}, ("auth",), {"databases": {"postgresql": ["billing", "clinical"]}}
    )
    _stores, findings = read([BILLING, careless])
    assert "ehr: service_databases.postgresql: the store is not in service_dependencies" in findings
    assert "ehr: service_databases.postgresql: 'billing' belongs to billing" in findings


def test_the_surroundings_of_stores() -> None:
    objects = surroundings(read([BILLING])[0], "PEM")
    kinds = [(obj["kind"], obj["metadata"]["name"]) for obj in objects]
    assert ("StorageClass", "fast-ssd") in kinds
    assert ("Namespace", "data") in kinds
    assert ("NetworkPolicy", "default-deny") in kinds
    assert len(kinds) == len(set(kinds))
