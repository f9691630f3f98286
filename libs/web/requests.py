"""What a process counts of its requests, for Prometheus: by route and status, and how long they took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OTHER: Final = "other"  # any path that is no route: a stranger must not be able to make up new series
_NO_ANSWER: Final = "none"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

RouteOf = Callable[[Scope], str | None]
"""The template of the route that took a request, None where none did."""


class Metrics:
    """Counters of one app, in a registry of their own; ``process`` is in their names."""

    def __init__(self, process: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            f"stratafold_{process}_requests",
            "Requests answered, by route and status; none = the client went away first.",
            ("route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            f"stratafold_{process}_request_seconds",
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
    """An ASGI app whose requests are counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics, route_of: RouteOf) -> None:
        self._app = app
        self._metrics = metrics
        self._route_of = route_of

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
            self._metrics.observe(self._route_of(scope) or _OTHER, status, time.perf_counter() - began)


def by_endpoint(routes: Iterable[BaseRoute]) -> RouteOf:
    """Routes with parameters are told by the endpoint that the request came to."""
    templates: dict[object, str] = {
        route.endpoint: route.path for route in routes if isinstance(route, Route)
    }
    return lambda scope: templates.get(scope.get("endpoint"))


def by_path(routes: Iterable[Route]) -> RouteOf:
    """Routes without parameters are told by their path, also where another method was asked for."""
    paths = frozenset(route.path for route in routes)
    return lambda scope: scope["path"] if scope["path"] in paths else None
