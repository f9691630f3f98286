"""Who watches is sent everything or let go; nobody waits for anybody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message

from services.api.live.hub import WATCHERS, Hub
from services.api.live.stream import LiveStream


async def test_a_watcher_gets_the_state_and_then_all_that_comes() -> None:
    hub = Hub()
    watcher = hub.join(b"state")
    assert watcher is not None
    hub.publish(b"1")
    hub.publish(b"2")
    assert [await watcher.next() for _ in range(3)] == [b"state", b"1", b"2"]


async def test_one_that_takes_nothing_is_let_go_and_the_others_lose_nothing() -> None:
    hub = Hub()
    slow, quick = hub.join(b""), hub.join(b"")
    assert slow is not None
    assert quick is not None
    await quick.next()
    for number in range(100):
        hub.publish(str(number).encode())
        assert await quick.next() == str(number).encode()
    assert slow.lost.is_set()
    assert not quick.lost.is_set()


async def test_the_first_who_comes_is_told_of_and_the_second_is_not() -> None:
    hub, called = Hub(), []
    hub.first = lambda: called.append(1)
    one = hub.join(b"")
    hub.join(b"")
    assert len(called) == 1
    assert one is not None
    hub.leave(one)
    assert hub.watched


async def test_no_more_come_in_than_there_is_room_for_nor_any_once_it_is_closed() -> None:
    hub = Hub()
    watchers = [hub.join(b"") for _ in range(WATCHERS)]
    assert all(watchers)
    assert hub.join(b"") is None
    hub.close()
    assert watchers[0] is not None
    hub.leave(watchers[0])
    assert hub.join(b"") is None


class Client:
    """Stands for the server's side of a connection."""

    def __init__(self, method: str = "GET", *, stuck: bool = False) -> None:
        self.method = method
        self.sent: list[Message] = []
        self.gone = asyncio.Event()
        self.hung_up = False
        self._stuck = stuck

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if self._stuck and message["type"] == "http.response.body":
            await asyncio.Event().wait()

    @property
    def scope(self) -> dict[str, Any]:
        def hang_up() -> None:
            self.hung_up = True

        return {"type": "http", "method": self.method, "extensions": {"stratafold.hang_up": hang_up}}


async def _answer(hub: Hub, client: Client) -> asyncio.Task[None]:
    watcher = hub.join(b"state")
    assert watcher is not None
    stream = LiveStream(hub, watcher)
    task = asyncio.create_task(stream(client.scope, client.receive, client.send))
    await asyncio.sleep(0.01)
    return task


@pytest.mark.timeout(10)
async def test_a_stream_ends_in_order_when_the_process_does() -> None:
    hub, client = Hub(), Client()
    task = await _answer(hub, client)
    hub.publish(b"last")
    hub.close()
    await task
    bodies = [one["body"] for one in client.sent if one["type"] == "http.response.body"]
    assert bodies == [b"state", b"last", b""]
    assert client.sent[-1]["more_body"] is False
    assert not client.hung_up


@pytest.mark.timeout(10)
async def test_a_client_that_goes_is_forgotten() -> None:
    hub, client = Hub(), Client()
    task = await _answer(hub, client)
    client.gone.set()
    await task
    assert not hub.watched


@pytest.mark.timeout(10)
async def test_a_client_that_takes_nothing_is_hung_up_on() -> None:
    hub, client = Hub(), Client(stuck=True)
    task = await _answer(hub, client)
    for _ in range(100):
        hub.publish(b"more")
    await task
    assert client.hung_up
    assert not hub.watched


@pytest.mark.timeout(10)
async def test_head_is_answered_at_once_and_watches_nothing() -> None:
    hub, client = Hub(), Client("HEAD")
    await (await _answer(hub, client))
    assert [one["type"] for one in client.sent] == ["http.response.start", "http.response.body"]
    assert not hub.watched
