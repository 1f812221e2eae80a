"""The metrics that the contract asks of every service."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Seconds. The seed's slowest promise is 150 ms for a FHIR query; the buckets are dense below it.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)


class Measures:
    """Request rate, errors, latency, open connections and cache hits of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests", "Requests answered.", ["method", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "http_request_duration_seconds",
            "Time from a request to its answer.",
            ["method"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.open = Gauge("http_connections_open", "Requests being answered now.", registry=self.registry)
        self.cache = Counter("cache_lookups", "Looks into the cache.", ["result"], registry=self.registry)
