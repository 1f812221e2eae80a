"""A store as the inventory makes it, and ways to change one thing of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Peer, Tier
from ansible_collections.nilecare.platform.plugins.module_utils.stores.model import Declaration, Store

GIBIBYTE = 2**30

STORE = Store(
    name="postgresql",
    engine="postgresql",
    namespace="data",
    image="docker.io/nilecare/postgresql",
    version="18.6",
    size=50 * GIBIBYTE,
    storage_class="fast-ssd",
    machines=("bahri-2", "khartoum-2", "omdurman-2"),
    tier=Tier("medium", 1000, 2000, 2 * GIBIBYTE, 4 * GIBIBYTE),
    uid=999,
    domain="cluster.local",
    monitoring_namespace="monitoring",
    callers=(Peer("billing", "business", {"app": "billing-service"}),),
    declarations=(Declaration("billing", "business", ("billing",)),),
)


def store(**changes: Any) -> Store:
    return replace(STORE, **changes)


def one(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    found = [obj for obj in objects if (obj["kind"], obj["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{len(found)} objects {kind} {name}"
    return found[0]
