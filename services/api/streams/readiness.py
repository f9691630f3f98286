"""A stream that is asked for before its log was read."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.types import Send

from services.api.streams.handshake import refuse

_PATIENCE: Final = 5.0  # seconds


async def ready(event: asyncio.Event, send: Send) -> bool:
    """Wait a moment; False where the handshake was refused, because the log is not followed yet."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await event.wait()
    except TimeoutError:
        detail = "the stream is not ready: Kafka does not answer, or the log is not read yet"
        await refuse(send, HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"})
        return False
    return True
