"""The gateway's HTTP side: routes, and what each answers. Knows Kafka only through its port."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import orjson
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.security.webhooks import ID_HEADER
from libs.web.correlated import Correlated
from libs.web.problems import Refusal, answer, handlers
from libs.web.requests import Measured, Metrics, by_path
from libs.web.traced import Traced
from services.gateway.body import Gone, Room, read_body
from services.gateway.intake import WEBHOOKS, Webhook, accept, check_declared_size
from services.gateway.openapi import document
from services.gateway.ports import Producer, Unavailable

if TYPE_CHECKING:
    from libs.telemetry.spans import Traces

RETRY_AFTER: Final = {"Retry-After": "5"}
_JSON: Final = "application/json"


def build(
    keys: Sequence[bytes],
    producer: Producer,
    clock: Callable[[], float] = time.time,
    traces: Traces | None = None,
) -> ASGIApp:
    """The app: ``keys`` are the decoded webhook secrets, ``clock`` gives seconds since 1970."""
    room = Room()
    metrics = Metrics("gateway")
    description = orjson.dumps(document())

    async def healthz(_request: Request) -> Response:
        return _data({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        obstacle = producer.obstacle()
        return _data({"status": "ready"}) if obstacle is None else answer(_away(obstacle))

    async def exposition(_request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def openapi(_request: Request) -> Response:
        return Response(description, media_type=_JSON)

    routes = [
        *(
            Route(webhook.path, Receiver(webhook, keys, producer, room, clock), methods=["POST"])
            for webhook in WEBHOOKS
        ),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", exposition),
        Route("/openapi.json", openapi),
    ]
    app = Starlette(routes=routes, exception_handlers=handlers("gateway"))
    app.router.redirect_slashes = False
    measured = Measured(app, metrics, by_path(routes))
    traced = measured if traces is None else Traced(measured, traces, by_path(routes))
    return Correlated(traced, ID_HEADER)


class Receiver:
    """Takes one kind of webhook; a plain ASGI app, since this is the path that has to be quick."""

    def __init__(
        self,
        webhook: Webhook,
        keys: Sequence[bytes],
        producer: Producer,
        room: Room,
        clock: Callable[[], float],
    ) -> None:
        self._webhook = webhook
        self._keys = tuple(keys)
        self._producer = producer
        self._room = room
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._take(scope, receive)
        except Refusal as refusal:
            response = answer(refusal)
        except Gone:
            return
        await response(scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive) -> Response:
        headers = scope["headers"]
        check_declared_size(headers)
        with self._room.hold() as held:
            body = await read_body(receive, held)
            accepted = accept(self._webhook, self._keys, headers, body, self._clock())
            try:
                await self._producer.append(accepted)
            except Unavailable as why:
                raise _away(str(why)) from None
        return _data({"accepted": True, "id": accepted.key}, HTTPStatus.ACCEPTED)


def _data(data: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps({"data": data}), status, media_type=_JSON)


def _away(why: str) -> Refusal:
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"Kafka does not answer: {why}", headers=RETRY_AFTER)
