"""The routes of the streams, to be mounted beside those of REST."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from starlette.routing import BaseRoute, WebSocketRoute

from libs.contracts.names import Names
from libs.settings import Settings
from services.api.streams.admission import Authenticator, Door
from services.api.streams.agents import AgentEndpoint
from services.api.streams.feed import AgentFeed, StatusFeed
from services.api.streams.lookups import RedisAgents, RedisNumbers
from services.api.streams.status import StatusEndpoint

if TYPE_CHECKING:
    from libs.telemetry.spans import Traces

STATUS_PATH = "/v1/ws"
AGENT_PATH = "/agents/{id}/stream"


@dataclass(frozen=True, slots=True)
class Streams:
    """Both streams. ``run`` has to be running, and the server to be run with ``socket.SERVER_SETTINGS``."""

    status: StatusFeed
    agents: AgentFeed
    routes: list[BaseRoute]

    async def run(self, services: Collection[str]) -> None:
        """Follow the logs until cancelled, of those services that there are."""
        async with asyncio.TaskGroup() as tasks:
            if "strategies" in services:
                tasks.create_task(self.status.run())
            if "agents" in services:
                tasks.create_task(self.agents.run())


def streams(
    settings: Settings,
    redis: Redis,
    authenticator: Authenticator,
    refused: type[Exception],
    traces: Traces | None = None,
) -> Streams:
    """The streams of a deployment; ``redis`` must not decode answers, ``refused`` is what the authenticator raises."""
    names = Names(settings.namespace)
    door = Door(authenticator, refused)
    status = StatusFeed(settings, RedisNumbers(redis, names, settings.partitions), traces=traces)
    agents = AgentFeed(settings, traces)
    known = RedisAgents(redis, names, settings.partitions)
    return Streams(
        status,
        agents,
        [
            WebSocketRoute(STATUS_PATH, StatusEndpoint(status, door)),
            WebSocketRoute(AGENT_PATH, AgentEndpoint(agents, door, known)),
        ],
    )
