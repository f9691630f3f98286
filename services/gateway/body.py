"""Reading a request's body within three limits: its size, the time it may take, and what all requests hold at once."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

from starlette.types import Receive

from libs.ledger.reading import MAX_BYTES
from libs.web.problems import Refusal
from services.gateway.intake import too_large

DEADLINE: Final = 10.0  # seconds from the headers to the end of the body
ROOM: Final = 64 * 1024 * 1024  # bytes of bodies held at once, by all requests together
RETRY_AFTER: Final = {"Retry-After": "1"}


class Gone(Exception):
    """The sender went away before its body was complete; nobody is left to answer."""


class Room:
    """Counts the bytes that requests hold, so that many at once can't take all memory."""

    def __init__(self, room: int = ROOM) -> None:
        self.left = room

    def hold(self) -> Held:
        """What one request holds, given back when its ``with`` ends."""
        return Held(self)


class Held:
    """The bytes that one request holds."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._bytes = 0

    def more(self, count: int) -> None:
        """Hold some bytes more. Raises Refusal (413, or 503 where other requests hold all there is)."""
        if self._bytes + count > MAX_BYTES:
            raise too_large()
        if count > self._room.left:
            detail = "too many webhooks are waiting for their answer"
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_AFTER)
        self._bytes += count
        self._room.left -= count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.left += self._bytes
        self._bytes = 0


async def read_body(receive: Receive, held: Held, deadline: float = DEADLINE) -> bytes:
    """The whole body, however it is chunked; never more than the cap is held. Raises Refusal (408, 413, 503), Gone."""
    parts = []
    try:
        async with asyncio.timeout(deadline):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part = message.get("body", b"")
                if part:
                    held.more(len(part))
                    parts.append(part)
                if not message.get("more_body", False):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
    except TimeoutError:
        detail = f"the body was not complete after {deadline:g} s"
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT, detail, headers={"Connection": "close"}) from None
