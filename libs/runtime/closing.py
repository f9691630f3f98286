"""Closing a client of Kafka takes a moment, whatever becomes of its connections.

aiokafka waits until each connection is gone. By TLS that is once the other side has said goodbye, and where its last
answer crosses ours uvloop misses that: one close in some hundred took the half minute after which it gives up.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

from aiokafka.client import AIOKafkaClient

_WITHIN: Final = 0.5  # seconds; as long as the other side may keep a fetch waiting

_close = AIOKafkaClient.close


async def _close_soon(self: Any) -> None:
    """What is closed stays so; only the waiting for it ends."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_WITHIN):
            await _close(self)


def close_soon() -> None:
    """Have every client of this process close so: consumers, producers and administrators have one inside."""
    AIOKafkaClient.close = _close_soon
