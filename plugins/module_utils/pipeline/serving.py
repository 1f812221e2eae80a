# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pods that a service's name leads to, and whether they are the version that is meant."""

from __future__ import annotations

from ..kubernetes.client import Client
from ..services.model import Service


def serving(client: Client, service: Service) -> tuple[list[str], str]:
    """Names of the pods behind the service's name, and what is wrong with them; empty when nothing is."""
    found = client.get("v1", "Service", service.object_name, service.namespace)
    if found is None:
        return [], "it is not deployed"
    chosen = ",".join(f"{key}={value}" for key, value in sorted(found["spec"]["selector"].items()))
    pods = [
        pod
        for pod in client.list("v1", "Pod", service.namespace, chosen).items
        if not pod["metadata"].get("deletionTimestamp")
    ]
    if not pods:
        return [], "no pod serves"
    wanted = f"{service.image}:{service.version}"
    for pod in pods:
        images = {c["name"]: c["image"] for c in pod["spec"]["containers"]}
        image = images.get(service.object_name, "")
        if image != wanted:
            return [], f"pod {pod['metadata']['name']} runs {image or 'something else'}, expected {wanted}"
    return sorted(pod["metadata"]["name"] for pod in pods), ""
