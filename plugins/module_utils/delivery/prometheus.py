# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Questions to Prometheus, and what its answers mean."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ..kubernetes.client import Client
from ..kubernetes.errors import KubernetesError
from ..kubernetes.readiness import is_ready
from .numbers import Counts
from .tunnel import Tunnel, TunnelError

Series = list[dict[str, Any]]
Query = Callable[[str], Series]
PODS = "app.kubernetes.io/name=prometheus"
PORT = 9090


class PrometheusError(KubernetesError):
    """It cannot be asked, or did not understand."""


def data_of(body: bytes) -> dict[str, Any]:
    """The data of any answer.

    :raises PrometheusError: it was no success.
    """
    try:
        value = json.loads(body)
    except ValueError as error:
        raise PrometheusError(f"Prometheus answered no JSON: {body[:80]!r}") from error
    if value.get("status") != "success":
        raise PrometheusError(f"Prometheus refused a query: {value.get('error', 'no reason given')}")
    data: dict[str, Any] = value["data"]
    return data


def answer(body: bytes) -> Series:
    """The series of an instant query.

    :raises PrometheusError: it was no success.
    """
    data = data_of(body)
    if data["resultType"] == "scalar":
        return [{"metric": {}, "value": data["result"]}]
    return list(data["result"])


def number(series: Series) -> float | None:
    """The one number of an answer; None when there is none, or it is not one."""
    if len(series) != 1:
        return None
    value = float(series[0]["value"][1])
    return None if math.isnan(value) else value


def counts(requests: Series, buckets: Series) -> dict[str, dict[str, Counts]]:
    """By colour and pod, what was answered so far.

    :param requests: ``http_requests_total`` by colour, pod and status.
    :param buckets: ``http_request_duration_seconds_bucket`` by colour, pod and le.
    """
    totals: dict[tuple[str, str], list[float]] = {}
    for entry in requests:
        labels = entry["metric"]
        total = totals.setdefault((labels.get("colour", ""), labels.get("pod", "")), [0.0, 0.0])
        value = float(entry["value"][1])
        total[0] += value
        total[1] += value if labels.get("status", "").startswith("5") else 0.0
    bounds: dict[tuple[str, str], dict[float, float]] = {}
    for entry in buckets:
        labels = entry["metric"]
        key = (labels.get("colour", ""), labels.get("pod", ""))
        bounds.setdefault(key, {})[float(labels["le"].replace("+Inf", "inf"))] = float(entry["value"][1])
    found: dict[str, dict[str, Counts]] = {}
    for colour, pod in {**totals, **bounds}:
        total = totals.get((colour, pod), [0.0, 0.0])
        found.setdefault(colour, {})[pod] = Counts(total[0], total[1], bounds.get((colour, pod), {}))
    return found


def selector(namespace: str, service: str) -> str:
    """Labels that pick a service's series."""
    return f'namespace="{namespace}",service="{service}"'


def count_queries(namespace: str, service: str) -> tuple[str, str]:
    """The two queries whose answers ``counts`` reads."""
    chosen = selector(namespace, service)
    return (
        f"sum by (colour, pod, status) (http_requests_total{{{chosen}}})",
        f"sum by (colour, pod, le) (http_request_duration_seconds_bucket{{{chosen}}})",
    )


def recent_queries(namespace: str, service: str, colour: str, minutes: int) -> tuple[str, str]:
    """The same for one colour, over the last minutes."""
    chosen = f'{selector(namespace, service)},colour="{colour}"'
    window = f"[{minutes}m]"
    return (
        f"sum by (colour, status) (increase(http_requests_total{{{chosen}}}{window}))",
        f"sum by (colour, le) (increase(http_request_duration_seconds_bucket{{{chosen}}}{window}))",
    )


def saturation_query(namespace: str, container: str, pods: Iterable[str], cores: float, memory: float) -> str:
    """The largest share of its limit that the container uses in any of the pods, of CPU over 2 minutes or of
    memory."""
    names = "|".join(sorted(pods))
    chosen = f'namespace="{namespace}",pod=~"{names}",container="{container}"'
    return (
        "max(label_replace("
        f"sum by (pod) (rate(container_cpu_usage_seconds_total{{{chosen}}}[2m])) / {cores:g},"
        ' "kind", "cpu", "", "") or '
        f"label_replace(sum by (pod) (container_memory_working_set_bytes{{{chosen}}}) / {memory:g},"
        ' "kind", "memory", "", ""))'
    )


def filled(query: str, values: Mapping[str, str]) -> str:
    """A gate's query with its names filled in."""
    for name, value in values.items():
        query = query.replace(f"${name}", value)
    return query


class Prometheus:
    """Asks one of the Prometheus pods; another one when it is gone."""

    def __init__(self, client: Client, kubeconfig: str, namespace: str) -> None:
        self.client = client
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self._tunnel: Tunnel | None = None

    def query(self, text: str) -> Series:
        """An instant query.

        :raises PrometheusError: none of the pods answers.
        """
        return answer(self._get(f"query?query={quote(text)}"))

    def get(self, path: str) -> dict[str, Any]:
        """The data of another question, such as ``alerts``.

        :raises PrometheusError: none of the pods answers.
        """
        return data_of(self._get(path))

    def _get(self, path: str) -> bytes:
        reason = ""
        for _attempt in (1, 2):
            try:
                if self._tunnel is None or not self._tunnel.is_open:
                    self.close()
                    self._tunnel = self._open()
                _status, body = self._tunnel.get(f"/api/v1/{path}")
                return body
            except TunnelError as error:
                self.close()
                reason = str(error)
        raise PrometheusError(f"Prometheus cannot be asked: {reason}")

    def _open(self) -> Tunnel:
        pods = [pod for pod in self.client.list("v1", "Pod", self.namespace, PODS).items if _ready(pod)]
        if not pods:
            raise PrometheusError(
                f"there is no Prometheus that is ready in namespace {self.namespace} ({PODS})"
            )
        opened = Tunnel(self.kubeconfig, self.namespace, pods[0]["metadata"]["name"], PORT)
        opened.open()
        return opened

    def close(self) -> None:
        """End the connection."""
        if self._tunnel is not None:
            self._tunnel.close()
            self._tunnel = None


def _ready(pod: dict[str, Any]) -> bool:
    return is_ready(pod) and not pod["metadata"].get("deletionTimestamp")
