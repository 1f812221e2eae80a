# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Metadata that all objects of a store have."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .model import Store


def selector(store: Store) -> dict[str, str]:
    """The labels that pick the store's pods; they can never change."""
    return {"app": store.name}


def labels(store: Store) -> dict[str, str]:
    """The labels of every object of the store."""
    return {
        **selector(store),
        "app.kubernetes.io/name": store.engine,
        "app.kubernetes.io/component": "store",
        "app.kubernetes.io/part-of": "nilecare",
        **store.labels,
    }


def metadata(store: Store, name: str = "") -> dict[str, Any]:
    """Metadata of one of the store's objects.

    :param name: the object's; the store's own without it.
    """
    return {"name": name or store.name, "namespace": store.namespace, "labels": labels(store)}


def digest(data: Any) -> str:
    """Short name for a content."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]
