"""Traces, where a collector is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def traced(application: Any, environment: Mapping[str, str]) -> Any:
    """Send a span a request to OTEL_EXPORTER_OTLP_ENDPOINT, unless OTEL_SDK_DISABLED says not to.

    OpenTelemetry is imported only when it is used: it doubles the memory of an idle process.
    """
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if disabled or not environment.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return application
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return OpenTelemetryMiddleware(application, excluded_urls="/health,/metrics")
