# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The Secrets of a store: their names, and what is in them."""

from __future__ import annotations

import base64

from ..kubernetes.client import Client
from .model import Store


def members_secret(store: Store) -> str:
    """Name of the Secret with what members know each other by, in the store's namespace."""
    return f"{store.name}-credentials"


def users_secret(store: Store) -> str:
    """Name of the Secret with the services' passwords by service, in the store's namespace."""
    return f"{store.name}-users"


def read_secret(client: Client, namespace: str, name: str) -> dict[str, str] | None:
    """Texts by key; None when there is no such Secret."""
    found = client.get("v1", "Secret", name, namespace)
    if found is None:
        return None
    return {key: base64.b64decode(value).decode() for key, value in (found.get("data") or {}).items()}
