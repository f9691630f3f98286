"""What the API counts, for Prometheus: requests by route and status, how long they took."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OTHER: Final = "other"  # any path that is no route: a stranger must not be able to make up new series
_NO_ANSWER: Final = "none"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one app, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "stratafold_api_requests",
            "Requests answered, by route and status; none = the client went away first.",
            ("route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "stratafold_api_request_seconds",
            "From a request's headers to the end of its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def observe(self, route: str, status: int | None, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(route, _NO_ANSWER if status is None else str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)


class Measured:
    """An ASGI app whose requests are counted, by the template of the route that took them."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._metrics = metrics
        self._templates: dict[object, str] = {
            route.endpoint: route.path for route in routes if isinstance(route, Route)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status: int | None = None

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = self._templates.get(scope.get("endpoint"), _OTHER)
            self._metrics.observe(route, status, time.perf_counter() - began)
