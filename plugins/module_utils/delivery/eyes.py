# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a delivery sees of the two versions: smoke tests, traffic, use of resources."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol

from ..kubernetes.client import Client
from ..services.model import Service
from ..services.terms import Smoke
from .numbers import Counts
from .prometheus import (
    Prometheus,
    count_queries,
    counts,
    filled,
    number,
    recent_queries,
    saturation_query,
)
from .tunnel import TunnelError, tunnel

# Tries of a request that finds no connection; an answer that is wrong is wrong at once.
TRIES = 3
# Minutes over which the stable version's figures are taken before the new one gets traffic.
BASELINE_MINUTES = 10


class Eyes(Protocol):
    """What the run of a delivery asks for."""

    def smoke(self, pods: Iterable[str]) -> str:
        """Why the new version's pods fail their smoke tests; empty when they do not."""

    def counts(self) -> dict[str, dict[str, Counts]]:
        """By colour and pod, what was answered so far."""

    def baseline(self, colour: str) -> Counts | None:
        """What a version answered in the last minutes; None when nothing."""

    def saturation(self, pods: Iterable[str]) -> float | None:
        """The largest share of its limit that a pod uses of CPU or memory."""

    def gate(self, query: str, colour: str, stable: str, window: float) -> float | None:
        """The number that a gate's query gives."""

    def close(self) -> None:
        """End all connections."""


class ClusterEyes:
    """Prometheus and the pods themselves."""

    def __init__(self, client: Client, kubeconfig: str, service: Service) -> None:
        self.service = service
        self.kubeconfig = kubeconfig
        self.prometheus = Prometheus(client, kubeconfig, service.surroundings.monitoring_namespace)

    def smoke(self, pods: Iterable[str]) -> str:
        tests = self.service.delivery.smoke or (Smoke(self.service.probes.readiness_path),)
        for pod in pods:
            for test in tests:
                failure = self._smoke(pod, test)
                if failure:
                    return f"smoke test {test.path} of pod {pod}: {failure}"
        return ""

    def _smoke(self, pod: str, test: Smoke) -> str:
        failure = ""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(1)
            try:
                with tunnel(self.kubeconfig, self.service.namespace, pod, self.service.port) as way:
                    status, body = way.get(test.path)
            except TunnelError as error:
                failure = str(error)
                continue
            if status != test.status:
                return f"status {status}, expected {test.status}: {body[:200].decode(errors='replace')}"
            if test.contains and test.contains.encode() not in body:
                return f"{test.contains!r} is not in the answer: {body[:200].decode(errors='replace')}"
            return ""
        return failure

    def counts(self) -> dict[str, dict[str, Counts]]:
        requests, buckets = count_queries(self.service.namespace, self.service.object_name)
        return counts(self.prometheus.query(requests), self.prometheus.query(buckets))

    def baseline(self, colour: str) -> Counts | None:
        queries = recent_queries(self.service.namespace, self.service.object_name, colour, BASELINE_MINUTES)
        found = counts(*(self.prometheus.query(query) for query in queries)).get(colour, {}).get("")
        return found if found is not None and found.requests >= 1 else None

    def saturation(self, pods: Iterable[str]) -> float | None:
        tier = self.service.tier
        query = saturation_query(
            self.service.namespace,
            self.service.object_name,
            pods,
            tier.cpu_limit / 1000,
            float(tier.memory_limit),
        )
        return number(self.prometheus.query(query))

    def gate(self, query: str, colour: str, stable: str, window: float) -> float | None:
        values = {
            "namespace": self.service.namespace,
            "service": self.service.object_name,
            "colour": colour,
            "stable": stable,
            "window": f"{max(30, round(window))}s",
        }
        return number(self.prometheus.query(filled(query, values)))

    def close(self) -> None:
        self.prometheus.close()
