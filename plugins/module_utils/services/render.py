# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""All objects of one service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .mesh import mesh_objects
from .model import Service
from .network import network_policy, services
from .scaling import autoscalers, disruption_budget
from .workload import config_map, deployment, secret, service_account


def render(service: Service, secrets: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Render a service.

    :param secrets: values of ``service.secret_names``; in check mode of a run without the vault's password
        there may be none.
    :returns: its objects, in no particular order.
    """
    if not service.runs_pods:
        return services(service)
    hidden = secrets or {}
    optional = [config_map(service), secret(service, hidden)]
    return [
        service_account(service),
        *[obj for obj in optional if obj is not None],
        *services(service),
        network_policy(service),
        disruption_budget(service),
        *autoscalers(service),
        *(mesh_objects(service) if service.mesh else []),
        deployment(service, hidden),
    ]
