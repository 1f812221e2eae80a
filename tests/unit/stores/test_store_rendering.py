"""What all stores have in common, seen at PostgreSQL."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.stores import postgresql
from ansible_collections.nilecare.platform.plugins.module_utils.stores.engines import engine_of
from ansible_collections.nilecare.platform.plugins.module_utils.stores.model import Store
from ansible_collections.nilecare.platform.plugins.module_utils.stores.volumes import (
    on_machines,
    volume_objects,
)

from .conftest import STORE, one, store

OBJECTS = postgresql.render(STORE, {})


def pod(objects: list[dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = one(objects, "StatefulSet", "postgresql")["spec"]["template"]["spec"]
    return spec


def test_a_store_goes_through_ansible_as_it_is() -> None:
    assert Store.from_dict(json.loads(json.dumps(STORE.to_dict()))) == STORE
    with pytest.raises(ValueError, match="has no colour"):
        Store.from_dict({**STORE.to_dict(), "colour": "blue"})
    with pytest.raises(ValueError, match="incomplete"):
        Store.from_dict({"name": "postgresql"})


def test_every_member_has_a_volume_on_its_own_machine() -> None:
    objects = volume_objects(STORE)
    volume = one(objects, "PersistentVolume", "data-postgresql-1")["spec"]
    term = volume["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]
    assert term["values"] == ["khartoum-2"]
    assert volume["persistentVolumeReclaimPolicy"] == "Retain"
    # What a StatefulSet looks for: <template>-<pod>.
    claim = one(objects, "PersistentVolumeClaim", "data-postgresql-1")
    assert claim["spec"]["volumeName"] == "data-postgresql-1"
    assert volume["claimRef"]["name"] == "data-postgresql-1"
    assert claim["spec"]["resources"]["requests"] == volume["capacity"] == {"storage": "50Gi"}
    template = one(OBJECTS, "StatefulSet", "postgresql")["spec"]["volumeClaimTemplates"][0]
    assert template["metadata"]["name"] == "data"
    names = [name for volumes in on_machines([STORE]).values() for name in volumes]
    assert [(entry["name"], entry["size"]) for entry in names] == [
        (f"data-postgresql-{number}", STORE.size) for number in range(3)
    ]


def test_a_larger_volume_leaves_the_statefulset_alone() -> None:
    """Its template can never be changed."""
    larger = postgresql.render(store(size=2 * STORE.size), {"parameters": {"max_wal_size": "1GB"}})
    for objects in (larger, OBJECTS):
        assert one(objects, "StatefulSet", "postgresql")["spec"]["volumeClaimTemplates"][0]["spec"][
            "resources"
        ] == {"requests": {"storage": "1Mi"}}


def test_pods_are_restricted() -> None:
    spec = pod(OBJECTS)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    mounted = {mount["name"] for c in spec["containers"] for mount in c["volumeMounts"]}
    assert mounted - {"data"} == {volume["name"] for volume in spec["volumes"]}


def test_only_who_declared_it_gets_in() -> None:
    rules = one(OBJECTS, "NetworkPolicy", "postgresql")["spec"]
    callers = rules["ingress"][0]
    assert callers["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "business"}},
            "podSelector": {"matchLabels": {"app": "billing-service"}},
        }
    ]
    assert callers["ports"] == [{"protocol": "TCP", "port": 5432}]
    lonely = one(postgresql.render(store(callers=()), {}), "NetworkPolicy", "postgresql")["spec"]
    ports = [port["port"] for rule in lonely["ingress"] for port in rule["ports"]]
    assert len(lonely["ingress"]) == len(rules["ingress"]) - 1
    # Members among each other, and monitoring; an empty "from" would let everybody in.
    assert ports == [5432, 8008, 8008]
    assert all(rule["from"] for rule in rules["ingress"])


def test_a_change_of_configuration_restarts_members_one_by_one() -> None:
    def digest(objects: list[dict[str, Any]]) -> str:
        template = one(objects, "StatefulSet", "postgresql")["spec"]["template"]
        return str(template["metadata"]["annotations"]["nilecare.sd/configuration"])

    assert digest(postgresql.render(STORE, {})) == digest(OBJECTS)
    assert digest(postgresql.render(STORE, {"parameters": {"work_mem": "9MB"}})) != digest(OBJECTS)
    assert one(OBJECTS, "PodDisruptionBudget", "postgresql")["spec"]["maxUnavailable"] == 1


def test_the_certificate_is_for_every_name_that_is_called() -> None:
    names = one(OBJECTS, "Certificate", "postgresql-tls")["spec"]["dnsNames"]
    assert names == [
        "postgresql.data.svc.cluster.local",
        "postgresql-replicas.data.svc.cluster.local",
        "*.postgresql-members.data.svc.cluster.local",
    ]


def test_an_engine_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="store_engine: 'oracle' is no engine"):
        engine_of("oracle")
