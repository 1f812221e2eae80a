# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Where a store's data lie: classes, volumes and claims.

Volumes are file systems of their own on the machines (role storage), so that a full one hurts only its owner.
Their claims are made here and not by the StatefulSet, whose template can never change: a volume that grew in
the inventory grows in its claim too.
"""

from __future__ import annotations

from typing import Any

from ..services.quantities import memory_text
from .common import metadata
from .model import Store, Volume

CLASSES = ("fast-ssd", "standard", "backup")
ROOT = "/var/lib/nilecare/volumes"
"""Where machines mount them, one directory a volume."""
DATA = "data"
"""Directory within a volume that pods get. It exists only there: where nothing is mounted a pod does not
start, and never writes into the machine's own file system."""
HOSTNAME = "kubernetes.io/hostname"


def storage_classes() -> list[dict[str, Any]]:
    """The seed's classes. They differ by the disks that a site gives them, not in what Kubernetes sees."""
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "nilecare"}},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
            "reclaimPolicy": "Retain",
            "allowVolumeExpansion": True,
        }
        for name in CLASSES
    ]


def volume_objects(store: Store) -> list[dict[str, Any]]:
    """A volume and a claim, bound to each other, for each member."""
    objects = []
    for volume in store.volumes:
        objects += [_volume(store, volume), _claim(store, volume)]
    return objects


def claim_name(volume: Volume) -> str:
    """The name by which a StatefulSet with the template ``data`` finds the claim."""
    return f"data-{volume.name}"


def _volume(store: Store, volume: Volume) -> dict[str, Any]:
    here = {"key": HOSTNAME, "operator": "In", "values": [volume.machine]}
    labelled = metadata(store, f"{store.namespace}-{volume.name}")
    del labelled["namespace"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": labelled,
        "spec": {
            "capacity": {"storage": memory_text(volume.size)},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": store.storage_class,
            "volumeMode": "Filesystem",
            "local": {"path": f"{ROOT}/{store.namespace}-{volume.name}/{DATA}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": store.namespace,
                "name": claim_name(volume),
            },
        },
    }


def _claim(store: Store, volume: Volume) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(store, claim_name(volume)),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": store.storage_class,
            "volumeMode": "Filesystem",
            "volumeName": f"{store.namespace}-{volume.name}",
            "resources": {"requests": {"storage": memory_text(volume.size)}},
        },
    }


def on_machines(stores: list[Store]) -> dict[str, list[dict[str, Any]]]:
    """The volumes of each machine, as module volumes takes them."""
    machines: dict[str, list[dict[str, Any]]] = {}
    for store in stores:
        for volume in store.volumes:
            machines.setdefault(volume.machine, []).append(
                {"name": f"{store.namespace}-{volume.name}", "size": volume.size}
            )
    return machines
