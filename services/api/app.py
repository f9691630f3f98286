"""The API's HTTP side: its routes put together, and what is answered where none of them does."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import orjson
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.contracts.names import Names
from services.api import agents, asyncapi, ledgers, openapi, readiness, strategies, versions
from services.api.access import Access
from services.api.backend import Backend
from services.api.metrics import Measured, Metrics
from services.api.refusals import Refusal, answer
from services.api.streams.handshake import refuse
from services.api.versions_writing import Prices, Writer

_JSON: Final = "application/json"
_SHOWN: Final = 200  # characters of a path worth showing


def build(
    backend: Backend,
    access: Access,
    services: Sequence[str],
    names: Names,
    writer: Writer,
    prices: Prices,
    more: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """The app; readiness speaks of ``services``, and ``more`` are routes beside those of REST.

    Commands on versions go to ``writer``, with what ``prices`` knows.
    """
    metrics = Metrics()
    description, topics = orjson.dumps(openapi.describe()), orjson.dumps(asyncapi.describe(services, names))

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
        return Response(topics, media_type=_JSON)

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
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _refuse_route, Refusal: _refuse, Exception: _break},
    )
    app.router.redirect_slashes = False
    app.router.default = _elsewhere(app.router.default)
    return Measured(app, metrics, routes)


def _elsewhere(http: ASGIApp) -> ASGIApp:
    """What answers where no route does; a WebSocket would be told 403 without a word otherwise."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await http(scope, receive, send)
            return
        await receive()  # websocket.connect
        await refuse(send, HTTPStatus.NOT_FOUND, f"there is no stream at {scope['path'][:_SHOWN]}", {})

    return answered


def _data(data: object) -> Response:
    return Response(orjson.dumps({"data": data}), media_type=_JSON)


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return answer(error)


async def _refuse_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.scope["path"][:_SHOWN]
    said = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {path}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method[:_SHOWN]} is not for {path}",
    }
    status = HTTPStatus(error.status_code)
    return answer(Refusal(status, said.get(status, error.detail), headers=error.headers))


async def _break(_request: Request, _error: Exception) -> Response:
    # Starlette raises the error again once this is sent, so that the server logs it.
    return answer(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "the API has a fault; it is in its log"))
