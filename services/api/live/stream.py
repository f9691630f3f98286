"""The answer that never ends: server-sent events to one watcher."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.api.live.connection import hang_up
from services.api.live.hub import Hub, Watcher

_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy must not gather what is to be seen now
    (b"x-content-type-options", b"nosniff"),
]


class LiveStream(Response):
    """Sends a watcher its messages until it goes, is too slow, or the process ends."""

    def __init__(self, hub: Hub, watcher: Watcher) -> None:
        super().__init__()
        self._hub, self._watcher = hub, watcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; to HEAD with the headers alone."""
        if scope["method"] == "HEAD":
            self._hub.leave(self._watcher)
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await send({"type": "http.response.body"})
            return
        sending = asyncio.create_task(self._send(send))
        ending = [asyncio.create_task(self._gone(receive)), asyncio.create_task(self._watcher.lost.wait())]
        try:
            await asyncio.wait({sending, *ending}, return_when=asyncio.FIRST_COMPLETED)
            if self._watcher.lost.is_set() and not sending.done():
                hang_up(scope)
        finally:
            self._hub.leave(self._watcher)
            for task in (sending, *ending):
                task.cancel()
            for task in (sending, *ending):
                with suppress(asyncio.CancelledError):
                    await task

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        while (message := await self._watcher.next()) is not None:
            await send({"type": "http.response.body", "body": message, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    @staticmethod
    async def _gone(receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
