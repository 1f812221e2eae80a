# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A store's certificate, issued and renewed by cert-manager, and the authority that all trust."""

from __future__ import annotations

from typing import Any

from .common import metadata
from .model import Store

AUTHORITY = "platform-authority-certificate"
"""ConfigMap of every store's namespace with the platform's authority. Issuers of namespaces have authorities
of their own below it, which few programs take as the end of a chain."""
DIRECTORY = "/etc/store-tls"
VOLUME = "tls"
DAYS = 90


def secret_name(store: Store) -> str:
    """The Secret that cert-manager keeps."""
    return f"{store.name}-tls"


def certificate(store: Store, *services: str) -> dict[str, Any]:
    """One certificate for all members, as servers and as clients of each other.

    :param services: further Services that clients call, as ``postgresql-replicas``.
    """
    domain = f"{store.namespace}.svc.{store.domain}"
    names = [store.address, *(f"{name}.{domain}" for name in services), f"*.{store.name}-members.{domain}"]
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": metadata(store, secret_name(store)),
        "spec": {
            "secretName": secret_name(store),
            "secretTemplate": {"labels": {"app": store.name}},
            "issuerRef": {"name": "platform", "kind": "Issuer"},
            "dnsNames": names,
            "duration": f"{DAYS * 24}h0m0s",
            "renewBefore": f"{DAYS * 8}h0m0s",
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "usages": ["digital signature", "server auth", "client auth"],
        },
    }


def volume(store: Store) -> dict[str, Any]:
    """Pod volume with ``tls.crt``, ``tls.key`` and ``ca.crt``, to be mounted at ``DIRECTORY``."""
    own = [{"key": key, "path": key} for key in ("tls.crt", "tls.key")]
    return {
        "name": VOLUME,
        "projected": {
            # Read by the group alone: engines refuse keys that others can read.
            "defaultMode": 0o440,
            "sources": [
                {"secret": {"name": secret_name(store), "items": own}},
                {"configMap": {"name": AUTHORITY, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            ],
        },
    }


def mount() -> dict[str, Any]:
    """Where containers see it."""
    return {"name": VOLUME, "mountPath": DIRECTORY, "readOnly": True}


def authority(namespace: str, pem: str) -> dict[str, Any]:
    """The ConfigMap with the platform's authority."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": AUTHORITY,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "nilecare"},
        },
        "data": {"ca.crt": pem},
    }
