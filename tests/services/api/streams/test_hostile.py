"""Clients that say what they should not, or do not read: each is answered or closed, and no other is harmed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.services.api.streams.clients import (
    ask,
    auth,
    code_of,
    collect,
    connected,
    event,
    hear,
    say,
    silent,
    subscribe,
)
from tests.services.api.streams.conftest import Served

pytestmark = pytest.mark.real

_WRONG_CHANNELS: list[object] = ["", "*", "strategy", None, 1, [], {}, "x" * 9_999]
_WRONG_IDS: list[object] = ["", None, 0, 1.5, True, [], {}, "x" * 1_025]
_WRONG_NUMBERS: list[object] = [-1, 2**63, 2**64, 10**30, 1.5, 1.0, "x", "1", "", True, False, None, [], {}]

ANSWERED: list[tuple[str | list[str], str]] = [
    *((text, "BAD_FRAME") for text in
      ("", "{", "[]", "5", "null", '"x"', "{}", '{"op":5}', '{"op":null}', "[" * 60_000, "NaN", "x" * 65_536, "\x00",
       '{"op":"\\ud800"}', '{"op":{"op":"auth"}}', "{'op':1}", '{"op":"subscribe"}x')),
    *((json.dumps({**subscribe(), "op": op}), "UNKNOWN_OP") for op in ("", "ack", "ping", "SUBSCRIBE", "x" * 9_999)),
    *((json.dumps({**subscribe(), "channel": channel}), "UNKNOWN_CHANNEL")
      for channel in _WRONG_CHANNELS),
    ('{"op":"subscribe","id":"*"}', "UNKNOWN_CHANNEL"),
    *((json.dumps({**subscribe(), "id": name, "op": op}), "INVALID_ID")
      for name in _WRONG_IDS for op in ("subscribe", "unsubscribe")),
    ('{"op":"subscribe","channel":"strategy.status"}', "INVALID_ID"),
    *((json.dumps(subscribe(since_seq=since)), "INVALID_SINCE_SEQ")
      for since in _WRONG_NUMBERS),
    *((json.dumps(subscribe(since_seq=since)), "REPLAY_UNAVAILABLE") for since in (10**6, 2**63 - 1)),
    (["{", '"op":', '"subs', 'cribe","channel":5}'], "UNKNOWN_CHANNEL"),
]  # fmt: skip


def raw(socket: ClientConnection, first: int, data: bytes) -> None:
    """Send a frame that the client's library would not send; ``first`` is its first byte, its mask does nothing."""
    socket.transport.write(bytes([first, 0x80 | len(data), 0, 0, 0, 0]) + data)


async def rest(socket: ClientConnection) -> tuple[list[Any], int]:
    """All frames that still come, and the close code behind them."""
    frames = []
    while True:
        try:
            frames.append(await hear(socket))
        except ConnectionClosed as ended:
            return frames, ended.rcvd.code if ended.rcvd else 1006


async def test_bad_frames_are_answered_and_harm_nobody(served: Served) -> None:
    """Sixty and more on one connection, another goes on receiving; what closes has its code."""
    port = await served.serve()
    assert len(ANSWERED) >= 60
    async with connected(port, "a") as bad, connected(port, "a") as good:
        assert (await ask(good, subscribe()))["ok"]
        listening = asyncio.create_task(collect(good, 60))
        pushing = asyncio.create_task(_trickle(served, 60))
        for said, code in ANSWERED:
            await bad.send(said)
            answer = await hear(bad)
            assert (answer["op"], answer["ok"], answer["code"]) == ("ack", False, code), said[:80]
        assert (await ask(bad, subscribe("still here")))["ok"]
        url = f"ws://127.0.0.1:{port}/v1/ws"
        async with connected(port, "a") as socket:
            await socket.send(b"{}")
            assert await code_of(socket) == 1003
        async with connect(url) as socket:
            await socket.send(b"before auth")
            assert await code_of(socket) == 1003
        for size in (65_537, 10_000_000):
            async with connected(port, "a") as socket:
                with contextlib.suppress(ConnectionClosed):
                    await socket.send("x" * size)
                assert await code_of(socket) == 1009
        async with connected(port, "a") as socket:
            await socket.send(["x" * 30_000] * 3)
            assert await code_of(socket) == 1009
        async with connected(port, "a") as socket:
            raw(socket, 0x81, b"\xff\xfe")
            assert await code_of(socket) == 1007
        # a continuation of nothing, a ping in fragments, an opcode that there is not, a reserved bit
        for first in (0x80, 0x09, 0x83, 0xC1):
            async with connected(port, "a") as socket:
                raw(socket, first, b"x")
                assert await code_of(socket) == 1002, first
        async with connected(port, "a") as socket:
            await say(socket, auth("b"))
            assert await code_of(socket) == 4401
        await pushing
        assert await listening == list(range(1, 61))


async def _trickle(served: Served, count: int) -> None:
    for seq in range(1, count + 1):
        await served.push("a", event(seq))


async def test_too_many_subscriptions_and_frames(served: Served) -> None:
    """A thousand are on, more are refused, and who goes on is closed with 4429."""
    port = await served.serve()
    async with connected(port, "a", max_queue=None) as socket:
        with contextlib.suppress(ConnectionClosed):
            for number in range(10_000):
                await say(socket, subscribe(f"s{number}"))
        codes, closed = await rest(socket)
        assert closed == 4429
        codes = [answer.get("code") for answer in codes]
        # what was not answered by then is answered no more: on a busy machine that may be most of it
        assert set(codes[:1_000]) <= {None}
        assert set(codes[1_000:]) <= {"TOO_MANY_SUBSCRIPTIONS"}
    async with connected(port, "a") as socket:
        for number in range(1_000):
            assert (await ask(socket, subscribe(f"s{number}")))["ok"]
        assert (await ask(socket, subscribe("one more")))["code"] == "TOO_MANY_SUBSCRIPTIONS"
        assert (await ask(socket, subscribe("s0")))["ok"]
        assert (await ask(socket, {**subscribe("s1"), "op": "unsubscribe"}))["ok"]
        assert (await ask(socket, subscribe("one more")))["ok"]


async def test_a_slow_reader_is_cut_off_and_resumes(served: Served) -> None:
    """With 4410 behind what it was sent; others have everything meanwhile."""
    port = await served.serve()
    count, each = 120, 100_000
    async with connected(port, "a", max_queue=2) as slow, connected(port, "a") as quick:
        for socket in (slow, quick):
            assert (await ask(socket, subscribe()))["ok"]
        listening = asyncio.create_task(collect(quick, count))
        for seq in range(1, count + 1, 10):
            await served.push("a", *(event(n, filler="x" * each) for n in range(seq, seq + 10)))
        assert await listening == list(range(1, count + 1))
        await asyncio.sleep(12)  # up to twice the patience: what the kernel takes first counts as taken
        frames, closed = await rest(slow)
        assert closed == 4410
        seen = [frame["seq"] for frame in frames]
        assert seen == list(range(1, len(seen) + 1))
        assert len(seen) < count
    async with connected(port, "a") as again:
        assert (await ask(again, subscribe(since_seq=seen[-1])))["ok"]
        assert await collect(again, count) == list(range(seen[-1] + 1, count + 1))
        assert await silent(again)
