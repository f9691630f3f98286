"""The API's HTTP side: its routes put together, and what is answered where none of them does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import orjson
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.web.correlated import Correlated
from libs.web.problems import SHOWN, handlers
from libs.web.requests import Measured, Metrics, by_endpoint
from libs.web.traced import Traced
from services.api import agents, ledgers, openapi, readiness, strategies, versions
from services.api.access import Access
from services.api.backend import Backend
from services.api.streams.handshake import refuse
from services.api.versions_writing import Prices, Writer

if TYPE_CHECKING:
    from libs.telemetry.spans import Traces

_JSON: Final = "application/json"
_REQUEST_ID: Final = "x-request-id"


def build(
    backend: Backend,
    access: Access,
    services: Sequence[str],
    topics: Mapping[str, object],
    writer: Writer,
    prices: Prices,
    more: Sequence[BaseRoute] = (),
    traces: Traces | None = None,
) -> ASGIApp:
    """The app; readiness speaks of ``services``, and ``more`` are routes beside those of REST.

    ``topics`` is what /asyncapi.json tells. Commands on versions go to ``writer``, with what ``prices`` knows.
    """
    metrics = Metrics("api")
    description, of_kafka = orjson.dumps(openapi.describe()), orjson.dumps(topics)

    async def healthz(_request: Request) -> Response:
        return _data({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        await readiness.check(backend, services)
        return _data({"status": "ready"})

    async def exposition(_request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def of_rest(_request: Request) -> Response:
        return Response(description, media_type=_JSON)

    async def of_topics(_request: Request) -> Response:
        return Response(of_kafka, media_type=_JSON)

    routes: list[BaseRoute] = [
        *strategies.routes(backend, access),
        *versions.routes(backend, access, writer, prices),
        *agents.routes(backend, access),
        *ledgers.routes(backend, access),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", exposition),
        Route("/openapi.json", of_rest),
        Route("/asyncapi.json", of_topics),
        *more,
    ]
    app = Starlette(routes=routes, exception_handlers=handlers("API"))
    app.router.redirect_slashes = False
    app.router.default = _elsewhere(app.router.default)
    measured = Measured(app, metrics, by_endpoint(routes))
    traced = measured if traces is None else Traced(measured, traces, by_endpoint(routes))
    return Correlated(traced, _REQUEST_ID)


def _elsewhere(http: ASGIApp) -> ASGIApp:
    """What answers where no route does; a WebSocket would be told 403 without a word otherwise."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await http(scope, receive, send)
            return
        await receive()  # websocket.connect
        await refuse(send, HTTPStatus.NOT_FOUND, f"there is no stream at {scope['path'][:SHOWN]}", {})

    return answered


def _data(data: object) -> Response:
    return Response(orjson.dumps({"data": data}), media_type=_JSON)
