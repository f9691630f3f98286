"""Requests in traces: each that changes something is a span, and what it leads to joins that."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from libs.contracts.traceparent import TRACEPARENT, declined, of_request
from libs.telemetry.traces import Kind
from libs.web.problems import SHOWN
from libs.web.requests import RouteOf

if TYPE_CHECKING:
    from libs.telemetry.spans import Traces

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADER: Final = TRACEPARENT.encode()


class Traced:
    """An ASGI app whose requests are spans, but for those that only read or whose sender asks for no trace.

    To be put around it only where there are traces.

    The app finds the span's own ``traceparent`` in place of the sender's, and none where the request is not sampled.
    """

    def __init__(self, app: ASGIApp, traces: Traces, route_of: RouteOf) -> None:
        self._app = app
        self._traces = traces
        self._route_of = route_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _READING or declined(scope["headers"]):
            await self._app(scope, receive, send)
            return
        method, headers = scope["method"], scope["headers"]
        about = {"http.request.method": method, "url.path": scope["path"][:SHOWN]}
        span = self._traces.span(method, Kind.SERVER, of_request(headers), about=about)
        kept = [(name, value) for name, value in headers if name != _HEADER]
        if (own := span.traceparent) is not None:
            kept.append((_HEADER, own.encode()))
            bind_contextvars(trace_id=own.split("-")[1])  # for the lines that are logged meanwhile
        scope["headers"] = kept

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                span.tell({"http.response.status_code": status})
                if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    span.fail(HTTPStatus(status).phrase)
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if (route := self._route_of(scope)) is not None:
                span.rename(f"{method} {route}")
                span.tell({"http.route": route})
            span.end()
