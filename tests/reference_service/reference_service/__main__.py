"""Run the service: python3 -m reference_service."""

from __future__ import annotations

import os

import uvicorn

from .application import application
from .settings import Settings
from .tracing import traced

# Seconds that requests under way may take after SIGTERM; less than the pod's grace period of 30 s.
DRAIN_SECONDS = 20


def main() -> None:
    """Serve until SIGTERM, then finish the requests under way."""
    settings = Settings.read(os.environ)
    app = traced(application(settings, crash=lambda: os._exit(1)), os.environ)
    uvicorn.run(
        app,
        host="0.0.0.0",
        port=settings.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
