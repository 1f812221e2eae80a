"""What the environment tells the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Name, place and wished misbehaviour of one process.

    :param name: the service's name, from SERVICE_NAME.
    :param version: the version that answers carry, from SERVICE_VERSION.
    :param port: TCP port to listen on, from PORT; 8080 without it.
    :param mllp_port: TCP port for HL7 messages, from MLLP_PORT; 0 without it: none.
    :param zone: the site that the pod runs in, from ZONE.
    :param node: the node that the pod runs on, from NODE_NAME.
    :param dependencies: host:port of each service that has to answer before this one is ready, from
        SERVICE_DEPENDENCIES (separated by commas).
    :param start_seconds: how long start-up takes, from START_SECONDS; 0 without it.
    :param fail_readiness: never become ready, from FAIL_READINESS.
    :param crash_seconds: end with status 1 so long after the start, from CRASH_SECONDS; 0 is never.
    :param error_rate: share of requests answered with 500, from 0 to 1, from ERROR_RATE.
    :param delay_seconds: added to every answer, from DELAY_SECONDS.
    """

    name: str
    version: str
    port: int
    mllp_port: int
    zone: str
    node: str
    dependencies: tuple[str, ...]
    start_seconds: float
    fail_readiness: bool
    crash_seconds: float
    error_rate: float
    delay_seconds: float

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings.

        :raises ValueError: a number that is none, or an error rate outside 0 to 1.
        """
        rate = float(environment.get("ERROR_RATE", "0"))
        if not 0 <= rate <= 1:
            raise ValueError(f"ERROR_RATE is {rate}, expected a share from 0 to 1")
        listed = environment.get("SERVICE_DEPENDENCIES", "").split(",")
        return cls(
            name=environment.get("SERVICE_NAME", "reference"),
            version=environment.get("SERVICE_VERSION", "0"),
            port=int(environment.get("PORT", "8080")),
            mllp_port=int(environment.get("MLLP_PORT", "0")),
            zone=environment.get("ZONE", ""),
            node=environment.get("NODE_NAME", ""),
            dependencies=tuple(entry.strip() for entry in listed if entry.strip()),
            start_seconds=float(environment.get("START_SECONDS", "0")),
            fail_readiness=environment.get("FAIL_READINESS", "").lower() in ("1", "true", "yes"),
            crash_seconds=float(environment.get("CRASH_SECONDS", "0")),
            error_rate=rate,
            delay_seconds=float(environment.get("DELAY_SECONDS", "0")),
        )
