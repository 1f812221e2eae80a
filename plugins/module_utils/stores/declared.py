# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Brings about in a store what services declared of it; how is the engine's own matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..kubernetes.client import Client
from ..kubernetes.errors import ClusterUnreachable, KubeconfigError
from .engines import engine_of
from .execute import in_members
from .model import Store
from .store_secrets import read_secret, users_secret

PATIENCE = 30.0
"""Seconds for an API server that does not answer."""


@dataclass(frozen=True)
class Target:
    """How a cluster is reached: paths on the controller."""

    kubeconfig: str
    kubectl: str


def bring_about(target: Target, given: dict[str, Any], settings: dict[str, Any], check: bool) -> list[str]:
    """What was changed, or would be.

    :raises ValueError: the store has no passwords yet, or its engine refuses.
    """
    store = Store.from_dict(given)
    try:
        with Client.from_kubeconfig(target.kubeconfig, patience=2.0 if check else PATIENCE) as client:
            passwords = read_secret(client, store.namespace, users_secret(store))
            running = client.get("apps/v1", "StatefulSet", store.name, store.namespace)
    except (ClusterUnreachable, KubeconfigError):
        if not check:
            raise
        passwords, running = None, None
    if check and (passwords is None or not (running or {}).get("status", {}).get("readyReplicas")):
        services = {peer.name for peer in store.callers} | {one.service for one in store.declarations}
        return [f"everything for {service}" for service in sorted(services)]
    if passwords is None:
        raise ValueError(f"Secret {store.namespace}/{users_secret(store)} is not there")
    execute = in_members(store, target.kubectl, target.kubeconfig)
    changes: list[str] = engine_of(store.engine).declare(store, settings, passwords, execute, check)
    return changes
