# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Passwords of a store: given by the inventory's vault, or made once and kept in Secrets of the cluster.

They go from here into Secrets and from there into pods, and never back into Ansible.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..kubernetes.client import Client
from .common import labels
from .engines import engine_of
from .model import Store
from .store_secrets import members_secret, read_secret, users_secret

LENGTH = 32
"""Random bytes of a password."""


@dataclass(frozen=True)
class Kept:
    """A Secret as it is to be: texts by key."""

    namespace: str
    name: str
    values: Mapping[str, str]

    @property
    def title(self) -> str:
        """How it is called in what is said of it."""
        return f"Secret {self.namespace}/{self.name}"


def keep(client: Client, store: Store, given: Mapping[str, str], authority: str, check: bool) -> list[str]:
    """Bring about all Secrets of a store, and say which were changed.

    :param given: passwords by name (of an engine's account, or of a service) that are used instead.
    :param authority: the platform's authority, PEM, for clients.
    """
    engine = engine_of(store.engine)
    own = _completed(client, store, members_secret(store), engine.CREDENTIALS, given)
    users = _completed(client, store, users_secret(store), [peer.name for peer in store.callers], given)
    wanted = [own, users, *(_access(store, engine.PORT, peer, users, authority) for peer in store.callers)]
    return [text for one in wanted if (text := _apply(client, store, one, check))]


def _completed(
    client: Client, store: Store, name: str, keys: Sequence[str], given: Mapping[str, str]
) -> Kept:
    """What is there, with passwords for the keys that have none."""
    now = read_secret(client, store.namespace, name) or {}
    values = {key: given.get(key) or now.get(key) or secrets.token_urlsafe(LENGTH) for key in keys}
    return Kept(store.namespace, name, values)


def _access(store: Store, port: int, peer: Any, users: Kept, authority: str) -> Kept:
    """What a service needs to connect."""
    declared = {one.service: one for one in store.declarations}.get(peer.name)
    values = {
        "host": store.address,
        "port": str(port),
        "username": peer.name,
        "password": users.values[peer.name],
        "ca.crt": authority,
    }
    if declared and declared.databases:
        values["database"] = declared.databases[0]
    return Kept(peer.namespace, f"{store.name}-{peer.name}", values)


def _apply(client: Client, store: Store, wanted: Kept, check: bool) -> str:
    """Write a Secret where it differs; what was done, without any value."""
    now = read_secret(client, wanted.namespace, wanted.name) or {}
    if now == dict(wanted.values):
        return ""
    if not check:
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in wanted.values.items()}
        metadata = {"name": wanted.name, "namespace": wanted.namespace, "labels": labels(store)}
        client.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": encoded},
            force=True,
        )
    different = sorted(key for key in {*now, *wanted.values} if now.get(key) != wanted.values.get(key))
    return f"{wanted.title}: {', '.join(different)}"
