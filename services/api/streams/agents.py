"""``WS /agents/{id}/stream``: an agent's messages as 002 has them, as they come."""

from __future__ import annotations

import time
from collections.abc import Collection
from http import HTTPStatus
from typing import Final, Protocol

from redis.exceptions import RedisError
from starlette.types import Receive, Scope, Send

from services.api.streams.admission import Door, Unwelcome
from services.api.streams.codes import Close
from services.api.streams.feed import AgentFeed
from services.api.streams.handshake import refuse
from services.api.streams.limits import BURST, FRAMES_A_SECOND
from services.api.streams.pace import Bucket
from services.api.streams.readiness import ready
from services.api.streams.socket import StreamSocket, socket_of

CURRENT: Final = "current"


class Agents(Protocol):
    """Which agents there are."""

    async def ids(self) -> Collection[str]:
        """All of them. Raises RedisError, OSError."""


class AgentEndpoint:
    """An ASGI endpoint; needs the server to be run with ``SERVER_SETTINGS``."""

    def __init__(self, feed: AgentFeed, door: Door, agents: Agents) -> None:
        self._feed, self._door, self._agents = feed, door, agents

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            await self._door.agents(scope)
            agent = await self._chosen(scope["path_params"]["id"])
        except Unwelcome as why:
            await refuse(send, why.status, why.reason, why.headers)
            return
        if not await ready(self._feed.ready, send):
            return
        listener = _Listener(socket_of(scope))
        await send({"type": "websocket.accept"})
        self._feed.join(agent, listener)
        try:
            await listener.until_over(receive)
        finally:
            self._feed.leave(agent, listener)

    async def _chosen(self, name: str) -> str:
        """The agent's id; ``current`` is the only one there is. Raises Unwelcome."""
        if name != CURRENT:
            return name
        try:
            ids = await self._agents.ids()
        except (RedisError, OSError, TimeoutError):
            reason = "Redis does not answer, so which agent is the current one can't be said now"
            raise Unwelcome(HTTPStatus.SERVICE_UNAVAILABLE, reason, {"Retry-After": "5"}) from None
        if not ids:
            raise Unwelcome(HTTPStatus.NOT_FOUND, "there is no agent", {})
        if len(ids) > 1:
            reason = f"there are {len(ids)} agents, so none is the current one: name one"
            raise Unwelcome(HTTPStatus.CONFLICT, reason, {})
        return next(iter(ids))


class _Listener:
    """What its client says is nothing to us (002 has no frames of clients), so long as it is little."""

    def __init__(self, socket: StreamSocket) -> None:
        self._socket = socket
        self._bucket = Bucket(BURST, FRAMES_A_SECOND, time.monotonic())

    def send(self, frames: bytes) -> None:
        """Of the feed. Nothing of 002 can be replayed, so who does not keep up is told so."""
        if self._socket.crowded():
            self._socket.cut(Close.TOO_SLOW, "too slow a reader")
        self._socket.write(frames)

    async def until_over(self, receive: Receive) -> None:
        """Return when the connection is over."""
        while (await receive())["type"] != "websocket.disconnect":
            if not self._bucket.take(time.monotonic()):
                self._socket.cut(Close.TOO_MANY, "too many frames")
                return
