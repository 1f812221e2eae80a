# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether the terms of a delivery can be kept."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .model import Finding, Service
from .terms import HEADER_STEP

_HEADER = re.compile(r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
_TIMES = ("hold_seconds", "watch_seconds", "keep_seconds", "no_data_seconds", "hook_seconds")


def delivery_errors(service: Service) -> Iterator[Finding]:
    """Everything that is wrong with service_strategy and service_delivery_*."""
    if service.strategy == "rolling":
        return
    if not service.runs_pods:
        yield _finding(service, "service_strategy", "has no meaning: an ExternalName runs no pods")
        return
    if service.strategy == "canary":
        yield from _canary(service)
    yield from _numbers(service)
    for index, smoke in enumerate(service.delivery.smoke):
        if not smoke.path.startswith("/"):
            key = f"service_delivery_smoke[{index}].path"
            yield _finding(service, key, f"is {smoke.path!r}, expected a path that begins with /")


def _finding(service: Service, key: str, message: str) -> Finding:
    return Finding(service.name, key, message)


def _canary(service: Service) -> Iterator[Finding]:
    terms = service.delivery
    if not service.mesh:
        yield _finding(service, "service_strategy", "is canary, which needs the mesh: set service_mesh")
    if not terms.judged:
        text = "is false, and a canary is never let in blind: set monitoring_enabled, or another strategy"
        yield _finding(service, "service_delivery_judged", text)
    percent = [int(step) for step in terms.steps if step.isdigit()]
    known = all(step == HEADER_STEP or step.isdigit() for step in terms.steps)
    ordered = percent == sorted(set(percent)) and percent[-1:] == [100] and all(0 < n <= 100 for n in percent)
    if not known or not ordered or HEADER_STEP in terms.steps[1:]:
        text = (
            f"is {', '.join(terms.steps) or 'empty'}, expected header or nothing, then rising percents to 100"
        )
        yield _finding(service, "service_delivery_steps", text)
    if HEADER_STEP in terms.steps and not terms.header:
        yield _finding(service, "service_delivery_header", "is empty, but service_delivery_steps has header")
    if terms.header and not _HEADER.match(terms.header):
        yield _finding(service, "service_delivery_header", f"is {terms.header!r}, expected a lower-case name")


def _numbers(service: Service) -> Iterator[Finding]:
    terms = service.delivery
    for name in _TIMES:
        if getattr(terms, name) < 0:
            yield _finding(
                service, f"service_delivery_{name}", f"is {getattr(terms, name)}, expected 0 or more"
            )
    for name in ("error_rate", "saturation"):
        if not 0 <= getattr(terms, name) <= 1:
            text = f"is {getattr(terms, name)}, expected a share from 0 to 1"
            yield _finding(service, f"service_delivery_{name}", text)
    if terms.latency_factor < 1:
        text = f"is {terms.latency_factor}, expected 1 or more"
        yield _finding(service, "service_delivery_latency_factor", text)
    if terms.latency_slack < 0:
        text = f"is {terms.latency_slack}, expected 0 or more"
        yield _finding(service, "service_delivery_latency_slack", text)
    if terms.minimum_requests < 1:
        text = f"is {terms.minimum_requests}, expected 1 or more: without a request there is no verdict"
        yield _finding(service, "service_delivery_minimum_requests", text)
