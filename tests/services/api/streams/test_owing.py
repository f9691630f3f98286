"""A client that takes its frames by fits and starts while it says something: each frame once, in order."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from services.api.streams.admission import Door
from services.api.streams.channel import Channel
from services.api.streams.feed import StatusFeed
from services.api.streams.frame import Frame
from services.api.streams.socket import StreamSocket
from services.api.streams.status import _Connection
from services.api.streams.wire import text_frame


class Client:
    """The socket of a client that takes nothing until it is told to."""

    def __init__(self) -> None:
        self.full = False
        self.room = asyncio.Event()
        self.room.set()
        self.heard: list[Any] = []

    def crowded(self) -> bool:
        """Whether no more should be written."""
        return self.full

    def write(self, frames: bytes) -> None:
        """All that is written is short."""
        while frames:
            end = 2 + frames[1]
            self.heard.append(json.loads(frames[2:end]))
            frames = frames[end:]

    async def taken(self, _within: float) -> bool:
        """Wait until the client takes something."""
        await self.room.wait()
        return True

    def cut(self, code: int, reason: str) -> None:
        """Nothing here ends a connection."""
        raise AssertionError((code, reason))


class Feed:
    """One account, whose frames are all kept."""

    def __init__(self) -> None:
        self.one = Channel(0)

    def channel(self, _account: str) -> Channel:
        """That of the account."""
        return self.one

    async def can_replay(self, _account: str, _seq: int) -> bool:
        """Always."""
        return True


def _frames(first: int, last: int) -> list[Frame]:
    return [Frame(seq, "s", seq, text_frame(b'{"seq":%d}' % seq)) for seq in range(first, last + 1)]


async def _said_while_owing(said: dict[str, Any], turns: int) -> list[int]:
    """The numbers that a client hears who says something, is owed frames before that is answered, then reads on.

    ``turns`` of the loop later there are new ones.
    """
    client, feed = Client(), Feed()
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    connection = _Connection(
        cast(StatusFeed, feed), cast(Door, None), cast(StreamSocket, client), inbox.get, "/v1/ws"
    )

    def say(frame: dict[str, Any]) -> None:
        text = json.dumps({"channel": "strategy.status", **frame})
        inbox.put_nowait({"type": "websocket.receive", "text": text})

    serving = asyncio.create_task(connection.serve("acme"))
    say({"op": "subscribe", "id": "*"})
    await asyncio.sleep(0.01)
    feed.one.publish(_frames(1, 3))
    client.room.clear()
    say(said)
    await asyncio.sleep(0.01)  # by now its answer waits for room
    client.full = True
    feed.one.publish(_frames(4, 6))  # owed: the client has enough to take
    client.full = False
    client.room.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    feed.one.publish(_frames(7, 9))
    await asyncio.sleep(0.01)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    return [frame["seq"] for frame in client.heard if "seq" in frame]


async def test_frames_that_are_owed_go_before_what_follows_whatever_is_said_meanwhile() -> None:
    """None is lost, none comes twice, none ahead of another."""
    for said in (
        {"op": "unsubscribe", "id": "other"},
        {"op": "subscribe", "id": "s"},
        {"op": "subscribe", "id": "s", "since_seq": 0},
        {"op": "subscribe", "id": "s", "since_seq": 3},
        {"op": "nothing"},
    ):
        for turns in range(5):
            assert await _said_while_owing(said, turns) == list(range(1, 10)), (said, turns)
