"""Whoever is cancelled while he uses Redis ends, at whatever moment that comes."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from libs.views.redis_access import RedisAccess
from tests.stack import Servers

pytestmark = pytest.mark.real

_STEPS = 40  # of the event loop: more than one command takes
_ROUNDS = 5


async def _asks_for_ever(client: Redis) -> None:
    while True:
        await client.ping()


async def _after(steps: int, client: Redis) -> bool:
    """Whether a task that is cancelled after so many steps of the loop ends."""
    task = asyncio.create_task(_asks_for_ever(client))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=0.5)
    if ended := task.cancelled():
        return ended
    while not task.done():
        task.cancel()
        await asyncio.sleep(0.01)
    return ended


async def test_a_cancellation_is_heeded_at_any_moment(shared_servers: Servers) -> None:
    client = RedisAccess(shared_servers.redis).client(socket_timeout=5)
    try:
        await client.ping()
        outlived = [
            steps for _ in range(_ROUNDS) for steps in range(_STEPS) if not await _after(steps, client)
        ]
        assert outlived == []
        assert await client.echo("and a connection is never left with an answer that nobody read") == (
            b"and a connection is never left with an answer that nobody read"
        )
    finally:
        await client.aclose()
