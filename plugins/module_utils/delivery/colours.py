# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The objects of a service that runs in two colours. Pure."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..services.mesh import mesh_objects
from ..services.model import Service
from ..services.network import network_policy, services
from ..services.scaling import autoscalers, disruption_budget
from ..services.workload import config_map, deployment, metadata, secret, service_account
from .machine import PLAIN, Split

COLOUR = "nilecare.sd/colour"
FINGERPRINT = "nilecare.sd/fingerprint"
# Kinds of which each colour has its own.
PER_COLOUR = ("Deployment", "HorizontalPodAutoscaler", "ScaledObject", "VerticalPodAutoscaler")


def colour_name(service: Service, colour: str) -> str:
    """Name of a colour's Deployment, autoscaler and Service."""
    return service.object_name if colour == PLAIN else f"{service.object_name}-{colour}"


def fingerprint(service: Service, secrets: Mapping[str, str]) -> str:
    """What tells whether two renderings have the same pods."""
    template = deployment(service, secrets)["spec"]["template"]
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:16]


def colour_objects(service: Service, secrets: Mapping[str, str], colour: str) -> list[dict[str, Any]]:
    """Everything that one version needs for itself."""
    found = [_coloured_deployment(service, secrets, colour)]
    found += [_retargeted(obj, colour_name(service, colour), colour) for obj in autoscalers(service)]
    found += [obj for obj in (config_map(service), secret(service, secrets)) if obj is not None]
    return found


def _coloured_deployment(service: Service, secrets: Mapping[str, str], colour: str) -> dict[str, Any]:
    obj = deployment(service, secrets)
    labelled(obj, colour)
    obj["metadata"]["name"] = colour_name(service, colour)
    obj["metadata"]["annotations"] = {FINGERPRINT: fingerprint(service, secrets)}
    # Without the colour two Deployments and their autoscalers would claim the same pods.
    obj["spec"]["selector"]["matchLabels"][COLOUR] = colour
    return obj


def labelled(obj: dict[str, Any], colour: str) -> None:
    """Give a Deployment and its pods their colour; its selector stays."""
    for meta in (obj["metadata"], obj["spec"]["template"]["metadata"]):
        meta["labels"] = {**meta.get("labels", {}), COLOUR: colour}


def _retargeted(obj: dict[str, Any], name: str, colour: str) -> dict[str, Any]:
    obj = copy.deepcopy(obj)
    obj["metadata"]["name"] = name
    obj["metadata"]["labels"][COLOUR] = colour
    spec = obj["spec"]
    for key in ("scaleTargetRef", "targetRef"):
        if key in spec:
            spec[key]["name"] = name
    horizontal = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig")
    if horizontal:
        horizontal["name"] = name
    return obj


def shared_objects(
    service: Service, split: Split, running: Iterable[str], policy: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """What both versions use: names, identity, network policy, disruption budget, the mesh's routes.

    :param running: colours whose pods run.
    :param policy: the NetworkPolicy as it is now, whose connections stay open while two versions run.
    """
    both = tuple(running)
    found = [service_account(service), disruption_budget(service), *_names(service, split)]
    found.append(_united(network_policy(service), policy) if len(both) > 1 else network_policy(service))
    if service.strategy == "canary":
        found += [_colour_service(service, colour) for colour in both]
    if service.mesh:
        found += mesh_objects(service, _mesh_split(service, split))
    return found


def _names(service: Service, split: Split) -> list[dict[str, Any]]:
    found = services(service)
    for obj in found:
        if split.active:
            obj["spec"]["selector"] = {**obj["spec"]["selector"], COLOUR: split.active}
    return found


def _colour_service(service: Service, colour: str) -> dict[str, Any]:
    """The name that the mesh's routes use for one version."""
    obj = copy.deepcopy(services(service)[0])
    obj["metadata"] = metadata(service, f"{service.object_name}-{colour}")
    obj["metadata"]["labels"][COLOUR] = colour
    obj["spec"]["selector"] = {**obj["spec"]["selector"], COLOUR: colour}
    return obj


def _mesh_split(service: Service, split: Split) -> dict[str, Any] | None:
    if not split.weights:
        return None
    hosts = {colour: f"{service.object_name}-{colour}" for colour in split.weights}
    return {
        "header": split.header,
        "header_host": hosts[split.new] if split.header else "",
        "weights": {hosts[colour]: percent for colour, percent in split.weights.items()},
    }


def _united(wanted: dict[str, Any], policy: Mapping[str, Any] | None) -> dict[str, Any]:
    """The policy that allows what either version needs."""
    if policy is None:
        return wanted
    spec = dict(wanted["spec"])
    for way in ("ingress", "egress"):
        rules = list(spec.get(way) or [])
        rules += [rule for rule in policy.get("spec", {}).get(way) or [] if rule not in rules]
        spec[way] = rules
    return {**wanted, "spec": spec}


def hook_job(service: Service, secrets: Mapping[str, str], name: str) -> dict[str, Any]:
    """A Job that runs the hook's command in the new version's pod: same image, configuration and rights.

    It bears the service's label, so that stores let it in, and is never ready, so that nobody asks it.
    """
    template = copy.deepcopy(deployment(service, secrets)["spec"]["template"])
    pod = template["spec"]
    container = pod["containers"][0]
    for key in ("startupProbe", "livenessProbe", "lifecycle"):
        container.pop(key, None)
    container["readinessProbe"] = {
        **container["readinessProbe"],
        "initialDelaySeconds": 5,
        "periodSeconds": 3600,
    }
    container["command"] = list(service.delivery.hook)
    pod["restartPolicy"] = "Never"
    pod.pop("topologySpreadConstraints", None)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(service, name),
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": service.delivery.hook_seconds,
            "ttlSecondsAfterFinished": 3600,
            "template": template,
        },
    }
