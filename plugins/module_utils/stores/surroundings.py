# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is there before any store is: classes, priority, namespaces, the platform's authority."""

from __future__ import annotations

from typing import Any

from ..services.namespaces import namespace_objects
from .certificates import authority
from .inventory import Stores
from .volumes import storage_classes

PRIORITY = 1_500_000
"""Above all services: they are nothing without their data."""


def surroundings(stores: Stores, authority_pem: str) -> list[dict[str, Any]]:
    """One set of objects for all stores.

    :param authority_pem: certificate of the platform's authority.
    """
    objects: list[dict[str, Any]] = [*storage_classes(), _priority_class()]
    for namespace in stores.namespaces.values():
        objects += namespace_objects(namespace, stores.tiers)
        objects.append(authority(namespace.name, authority_pem))
    return objects


def _priority_class() -> dict[str, Any]:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "nilecare-stores", "labels": {"app.kubernetes.io/part-of": "nilecare"}},
        "value": PRIORITY,
        "globalDefault": False,
        "description": "Data stores and brokers of the platform",
    }
