"""The page's follower: looks at once when somebody comes, and whatever goes wrong, goes on."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.settings import Settings
from libs.views.reading import Views
from services.api.backend import Backend
from services.api.live.follower import Follower, message
from services.api.live.hub import Hub


@pytest.mark.timeout(4)  # seconds: less than it rests while nobody watches
async def test_a_look_that_fails_is_not_the_last_and_a_comer_hurries_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub, redis = Hub(), Redis.from_url("redis://127.0.0.1:1/0")
    looks: asyncio.Queue[int] = asyncio.Queue()

    async def fails(_self: Follower) -> None:
        looks.put_nowait(1)
        raise ValueError("damaged")

    monkeypatch.setattr(Follower, "_look", fails)
    follower = Follower(Settings(partitions=1), redis, Backend(Views(redis, Names()), 1), ("agents",), hub)
    running = asyncio.create_task(follower.run())
    await looks.get()
    await asyncio.sleep(0.05)
    assert hub.join(follower.state()) is not None
    await looks.get()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await redis.aclose()


def test_a_message_is_one_event_whatever_its_data() -> None:
    told = message("feed", {"text": "a\n\nevent: state\ndata: {}\r\n"})
    assert told.startswith(b"event: feed\ndata: {")
    assert told.endswith(b"}\n\n")
    assert told.count(b"\n") == 3
    assert b"\r" not in told
