"""Health and metrics of a process that speaks no HTTP otherwise, where STRATAFOLD_METRICS_PORT asks for them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from http import HTTPStatus
from typing import Final

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from libs.settings import Settings
from libs.web.problems import Refusal, answer, handlers
from libs.web.serving import listen, server

_LAST_ANSWERS: Final = 1  # seconds

Obstacle = Callable[[], str | None]
"""Why a process is not ready, None where it is."""


def health(registry: CollectorRegistry, obstacle: Obstacle) -> ASGIApp:
    """``/healthz``, ``/readyz`` and ``/metrics``."""

    async def healthz(_request: Request) -> Response:
        return _data({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        why = obstacle()
        if why is None:
            return _data({"status": "ready"})
        return answer(Refusal(HTTPStatus.SERVICE_UNAVAILABLE, why, headers={"Retry-After": "1"}))

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    return Starlette(routes=routes, exception_handlers=handlers("process"))


def listener(settings: Settings) -> socket.socket | None:
    """The socket for that, None where none is asked for. Raises SettingsError where the port is in use."""
    return None if settings.metrics_port is None else listen(settings.metrics_port, "metrics_port")


@asynccontextmanager
async def serving(
    listening: socket.socket | None, registry: CollectorRegistry, obstacle: Obstacle
) -> AsyncIterator[None]:
    """Serve as long as the block runs."""
    if listening is None:
        yield
        return
    serves = server(health(registry, obstacle), timeout_graceful_shutdown=_LAST_ANSWERS)
    with closing(listening):
        running = asyncio.create_task(serves.serve([listening]))
        try:
            yield
        finally:
            serves.should_exit = True
            await running


def _data(data: object) -> Response:
    return Response(orjson.dumps({"data": data}), media_type="application/json")
