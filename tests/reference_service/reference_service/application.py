"""The ASGI application: health, metrics, and one answer for everything else."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import mllp
from .measures import Measures
from .readiness import Readiness
from .settings import Settings

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def application(settings: Settings, crash: Callable[[], None]) -> Starlette:
    """Make the application.

    :param crash: ends the process at once; called ``crash_seconds`` after the start, if that is not 0.
    """
    measures = Measures()
    readiness = Readiness(settings.start_seconds, settings.fail_readiness, settings.dependencies)

    async def alive(request: Request) -> Response:
        return JSONResponse({"status": "healthy"})

    async def started(request: Request) -> Response:
        if readiness.started:
            return JSONResponse({"status": "started"})
        return JSONResponse({"status": "starting"}, status_code=503)

    async def ready(request: Request) -> Response:
        is_ready, checks = await readiness.ready()
        body = {"status": "ready" if is_ready else "not_ready", "checks": checks}
        return JSONResponse(body, status_code=200 if is_ready else 503)

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(measures.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def answer(request: Request) -> Response:
        if settings.delay_seconds:
            await asyncio.sleep(settings.delay_seconds)
        # No cache is behind this service: its lookups always miss, and say so.
        measures.cache.labels("miss").inc()
        body = {
            "service": settings.name,
            "version": settings.version,
            "zone": settings.zone,
            "node": settings.node,
            "path": request.url.path,
            "caller": request.headers.get("x-forwarded-for")
            or (request.client.host if request.client else ""),
        }
        failed = random.random() < settings.error_rate
        return JSONResponse(body, status_code=500 if failed else 200)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if settings.crash_seconds:
            asyncio.get_running_loop().call_later(settings.crash_seconds, crash)
        listener = await mllp.serve(settings) if settings.mllp_port else None
        yield
        readiness.stopping = True
        if listener:
            listener.close()

    routes = [
        Route("/health", alive),
        Route("/health/startup", started),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
        Route("/{path:path}", measured(answer, measures), methods=METHODS),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def measured(
    handler: Callable[[Request], Awaitable[Response]], measures: Measures
) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a handler so that it is counted and timed."""

    async def timed(request: Request) -> Response:
        began = time.perf_counter()
        with measures.open.track_inprogress():
            response = await handler(request)
        measures.seconds.labels(request.method).observe(time.perf_counter() - began)
        measures.requests.labels(request.method, str(response.status_code)).inc()
        return response

    return timed
