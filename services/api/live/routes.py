"""The page's routes: its files, its stream, an entity's past, and dead letters sent again."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.settings import Settings
from services.api.access import REDRIVE, Access
from services.api.backend import Backend, built
from services.api.body import read_body
from services.api.live import files, looking_up
from services.api.live.follower import Follower
from services.api.live.hub import Hub
from services.api.live.redriving import Redriver
from services.api.live.stream import LiveStream
from services.api.refusals import Refusal, unavailable

_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class LivePage:
    """The page of a deployment. ``run`` has to be running, and the server to be run with ``connection.LiveHttp``."""

    routes: list[Route]
    follower: Follower
    hub: Hub

    async def run(self) -> None:
        """Follow what is shown until cancelled."""
        await self.follower.run()

    def close(self) -> None:
        """Let go of everybody who has the page open."""
        self.hub.close()


def live_page(settings: Settings, redis: Redis, backend: Backend, access: Access) -> LivePage:
    """`GET /` and what it asks for; ``redis`` must not decode answers."""
    services = built(settings.services)
    hub = Hub()
    follower = Follower(settings, redis, backend, services, hub)
    redriver = Redriver(settings)

    async def get_stream(request: Request) -> Response:
        await access.live(request)
        watcher = hub.join(follower.state())
        if watcher is None:
            raise unavailable("too many have the page open, or the process is going down")
        return LiveStream(hub, watcher)

    async def get_entity(request: Request) -> Response:
        await access.live(request)
        return Response(await looking_up.shown(backend, services, request.query_params), media_type=_JSON)

    async def get_history(request: Request) -> Response:
        await access.live(request)
        return Response(await looking_up.history(backend, services, request.query_params), media_type=_JSON)

    async def get_equity(request: Request) -> Response:
        await access.live(request)
        return Response(await looking_up.equity(backend, services, request.query_params), media_type=_JSON)

    async def post_redrive(request: Request) -> Response:
        grant = await access.granted(request, REDRIVE)
        try:
            body = orjson.loads(await read_body(request))
        except orjson.JSONDecodeError:
            raise Refusal(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
        place = body.get("place") if isinstance(body, dict) else None
        service = await redriver.redrive(place, grant.organization)
        told = {"data": {"redriven": 1, "service": service}}
        return Response(orjson.dumps(told), HTTPStatus.ACCEPTED, media_type=_JSON)

    routes = [
        *files.routes(),
        Route("/live/stream", get_stream),
        Route("/live/entity", get_entity),
        Route("/live/entity/history", get_history),
        Route("/live/equity", get_equity),
        Route("/live/dead/redrive", post_redrive, methods=["POST"]),
    ]
    return LivePage(routes, follower, hub)
