# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""On what terms a new version of a service comes in: plain data, one field a variable service_delivery_*."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HEADER_STEP = "header"


@dataclass(frozen=True)
class Gate:
    """A condition of the service's own.

    :param query: PromQL that gives one number; $namespace, $service, $colour, $stable and $window (seconds
        since the step began, as in 60s) are filled in.
    :param maximum: the largest number that is good.
    """

    name: str
    query: str
    maximum: float


@dataclass(frozen=True)
class Smoke:
    """A request that a pod of the new version must answer before anybody else may ask it.

    :param status: expected status.
    :param contains: text that the answer must have.
    """

    path: str
    status: int = 200
    contains: str = ""


@dataclass(frozen=True)
class Terms:
    """Steps, judgement, and what happens around them. Units are in roles/service/meta/argument_specs.yml."""

    steps: tuple[str, ...] = (HEADER_STEP, "10", "25", "50", "100")
    hold_seconds: int = 3600
    watch_seconds: int = 300
    keep_seconds: int = 3600
    no_data_seconds: int = 900
    minimum_requests: int = 100
    error_rate: float = 0.01
    latency_factor: float = 1.5
    latency_slack: float = 0.05
    saturation: float = 0.9
    gates: tuple[Gate, ...] = ()
    smoke: tuple[Smoke, ...] = ()
    hook: tuple[str, ...] = ()
    hook_seconds: int = 600
    header: str = "x-canary"
    judged: bool = True


def read_terms(**given: Any) -> Terms:
    """Terms from plain data, such as the inventory's; what is not given has its default.

    :raises TypeError: there is no such field.
    """
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
    }
    for name, kind in (("gates", Gate), ("smoke", Smoke)):
        if name in values:
            values[name] = tuple(
                kind(**{key: field for key, field in entry.items() if field is not None})
                for entry in values[name]
            )
    return Terms(**values)
