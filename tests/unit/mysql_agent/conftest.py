"""A member's settings, and a Lease and servers that are no more than what they were told."""

from __future__ import annotations

from typing import Any

from roles.mysql.files.mysql_agent.settings import Settings

ENVIRONMENT = {
    "MEMBER": "mysql-1",
    "MEMBERS": "mysql-0,mysql-1,mysql-2",
    "STORE": "mysql",
    "NAMESPACE": "data",
    "DOMAIN": "mysql-members.data.svc.cluster.local",
    "POD_IP": "10.244.1.7",
    "MACHINE": "omdurman-1",
    "REPLICATOR_PASSWORD": "secret",
    "BEHIND": "10",
    "DATA": "/",
    "FREE_SHARE": "0.000001",
}
SETTINGS = Settings.read(ENVIRONMENT)


def lease(**annotations: str) -> dict[str, Any]:
    notes = {f"nilecare.sd/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {
        "metadata": {
            "name": "mysql",
            "resourceVersion": "7",
            "labels": {"app": "mysql"},
            "annotations": notes,
        },
        "spec": {"holderIdentity": "mysql-0", "renewTime": "2026-11-28T20:00:00.000000Z"},
    }
