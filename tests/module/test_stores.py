"""Stores before a real API server: objects are accepted, a second time nothing changes, passwords stay."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.apply import Options, apply_set
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import ApiError
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.objects import read, reference
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.waiting import wait_for
from ansible_collections.nilecare.platform.plugins.module_utils.stores.credentials import keep
from ansible_collections.nilecare.platform.plugins.module_utils.stores.engines import engine_of
from ansible_collections.nilecare.platform.plugins.module_utils.stores.model import Store
from ansible_collections.nilecare.platform.plugins.module_utils.stores.surroundings import surroundings
from ansible_collections.nilecare.platform.plugins.module_utils.stores.volumes import volume_objects

from roles.mysql.files.mysql_agent.kubernetes import Cluster
from tests.module import binaries
from tests.module.conditions import until
from tests.unit.mysql_agent.conftest import SETTINGS
from tests.unit.stores.conftest import STORE
from tests.unit.stores.test_store_inventory import BILLING
from tests.unit.stores.test_store_inventory import read as read_inventory


def serves(client: Client, api_version: str, kind: str) -> bool:
    """Whether a kind is served; a moment after its definition is Established it may not be yet."""
    client.rediscover()
    return client.discovery.find(api_version, kind) is not None


@pytest.fixture(scope="module")
def data(control_plane: Any) -> Iterator[Client]:
    """A cluster with what is there before any store is, and the namespace of a client."""
    with control_plane.client() as client:
        path = binaries._bundle() / "manifests" / "cert-manager" / "certificates.yaml"
        # In no set of their own: with cert-manager itself they are in its.
        definitions = read(str(path))
        for definition in definitions:
            client.apply(definition)
        assert wait_for(client, [reference(definition) for definition in definitions], 60) == []
        until(lambda: serves(client, "cert-manager.io/v1", "Certificate"), "certificates are served")
        client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "business"}})
        shared = surroundings(read_inventory([BILLING])[0], "PEM")
        apply_set(client, shared, Options(name="nilecare-stores", namespace="kube-system"))
        yield client


def apply(client: Client, store: Store) -> Any:
    objects = [*volume_objects(store), *engine_of(store.engine).render(store, {})]
    return apply_set(client, objects, Options(name=f"store-{store.name}", namespace="data", prune=True))


@pytest.mark.parametrize("engine", ["postgresql", "mysql", "rabbitmq", "kafka", "redis"])
def test_a_store_is_accepted_and_then_left_alone(data: Client, engine: str) -> None:
    store = replace(STORE, name=engine, engine=engine)
    assert apply(data, store).changed
    again = apply(data, store)
    assert (again.created, again.updated, again.pruned) == ([], [], [])


def test_passwords_are_made_once(data: Client) -> None:
    first = keep(data, STORE, {}, "PEM", check=False)
    assert first == [
        "Secret data/postgresql-credentials: patroni, replicator, rewinder",
        "Secret data/postgresql-users: billing",
        "Secret business/postgresql-billing: ca.crt, database, host, password, port, username",
    ]
    assert keep(data, STORE, {}, "PEM", check=False) == []
    kept = data.get("v1", "Secret", "postgresql-billing", "business")
    assert kept is not None
    values = {key: base64.b64decode(value).decode() for key, value in kept["data"].items()}
    assert (values["host"], values["database"]) == ("postgresql.data.svc.cluster.local", "billing")
    assert len(values["password"]) >= 43


def test_a_given_password_takes_its_place(data: Client) -> None:
    keep(data, STORE, {}, "PEM", check=False)
    planned = keep(data, STORE, {"billing": "from the vault"}, "PEM", check=True)
    assert planned == [
        "Secret data/postgresql-users: billing",
        "Secret business/postgresql-billing: password",
    ]
    assert keep(data, STORE, {"billing": "from the vault"}, "PEM", check=False) == planned
    assert keep(data, STORE, {}, "PEM", check=False) == [], "and stays when it is no longer given"


class Bridge:
    """The agent's way to an API server, by the platform's client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(self, path: str) -> dict[str, Any]:
        return self._client.request("GET", path)

    def put(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        return self._client.request("PUT", path, body=document)


def test_what_agents_of_mysql_write_is_theirs(data: Client) -> None:
    """The role makes both objects and never touches what is written into them."""
    store = replace(STORE, name="mysql", engine="mysql")
    apply(data, store)
    cluster = Cluster(SETTINGS, Bridge(data))  # type: ignore[arg-type]
    assert cluster.record().groups == ()
    cluster.write_down(cluster.record(), "one", [])
    cluster.write_down(cluster.record(), "two", ["one"])
    assert cluster.lead_writers_here()
    again = apply(data, store)
    assert (again.created, again.updated, again.pruned) == ([], [], [])
    assert not cluster.lead_writers_here(), "it still leads there"
    record = cluster.record()
    assert (record.groups, record.holder) == (("two", "one"), "mysql-1")
    assert record.age < 60
    old = replace(record, raw={**(record.raw or {}), "metadata": {**(record.raw or {})["metadata"]}})
    cluster.write_down(record, "three", [])
    with pytest.raises(ApiError, match=r"409|Conflict|modified"):
        cluster.write_down(old, "four", [])
