# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks the cluster's Prometheus for service levels, where there is one."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..delivery.prometheus import PODS, Prometheus, PrometheusError
from ..kubernetes.client import Client
from . import levels
from .levels import Alert, Level

NAMESPACE = "monitoring"


@dataclass(frozen=True)
class Found:
    """What Prometheus said. ``there``: whether the cluster has one; ``problem``: why it said nothing."""

    there: bool
    problem: str = ""
    levels: list[Level] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)


def ask(
    client: Client,
    kubeconfig: str,
    namespace: str = NAMESPACE,
    opened: t.Callable[[Client, str, str], Prometheus] = Prometheus,
) -> Found:
    """Ask once. Without Prometheus this costs one short question to the API server.

    :raises KubernetesError: the API server cannot be asked.
    """
    if not client.list("v1", "Pod", namespace, PODS).items:
        return Found(False, f"there is no Prometheus in namespace {namespace}")
    prometheus = opened(client, kubeconfig, namespace)
    try:
        series = prometheus.query(levels.QUERY)
        return Found(True, "", levels.read_levels(series), levels.read_alerts(prometheus.get("alerts")))
    except PrometheusError as error:
        return Found(True, str(error))
    finally:
        prometheus.close()
