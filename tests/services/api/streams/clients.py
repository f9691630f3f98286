"""Clients of the streams that are not ours: the ``websockets`` package's, and what upstream would have sent."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.services.api.streams.server import signature

CHANNEL = "strategy.status"
_used: set[tuple[str, int]] = set()


def auth(account: str) -> dict[str, Any]:
    """A frame ``auth`` that was never used."""
    now = int(time.time() * 1000)
    at = next(at for at in range(now - 10_000, now + 10_000) if (account, at) not in _used)
    _used.add((account, at))
    return {"op": "auth", "api_key": account, "timestamp": at, "signature": signature(at)}


def signed(port: int, account: str) -> str:
    """A signed URL that was never used."""
    frame = auth(account)
    return (
        f"ws://127.0.0.1:{port}/v1/ws?api_key={account}&timestamp={frame['timestamp']}"
        f"&signature={frame['signature']}"
    )


def subscribe(name: str = "*", **more: Any) -> dict[str, Any]:
    """A frame ``subscribe``."""
    return {"op": "subscribe", "channel": CHANNEL, "id": name, **more}


async def say(socket: ClientConnection, frame: object) -> None:
    """Send a frame as JSON."""
    await socket.send(json.dumps(frame))


async def hear(socket: ClientConnection, seconds: float = 10) -> Any:
    """The next frame."""
    async with asyncio.timeout(seconds):
        return json.loads(await socket.recv())


async def silent(socket: ClientConnection, seconds: float = 0.5) -> bool:
    """Whether nothing comes for a while."""
    try:
        async with asyncio.timeout(seconds):
            await socket.recv()
    except TimeoutError:
        return True
    return False


async def ask(socket: ClientConnection, frame: object) -> Any:
    """Send a frame; the next one that comes."""
    await say(socket, frame)
    return await hear(socket)


@asynccontextmanager
async def connected(port: int, account: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """A connection that sent ``auth``."""
    async with connect(f"ws://127.0.0.1:{port}/v1/ws", **options) as socket:
        await say(socket, auth(account))
        yield socket


def event(seq: int, strategy: str = "s1", name: str = "paused", **data: Any) -> bytes:
    """An envelope as upstream would send it; white space and key order are upstream's own."""
    ts = datetime.fromtimestamp(1_777_464_000 + seq / 10, UTC).isoformat(timespec="milliseconds")
    envelope = {
        "channel": CHANNEL,
        "event": name,
        "strategy_id": strategy,
        "seq": seq,
        "ts": ts.replace("+00:00", "Z"),
        "data": data,
    }
    return json.dumps(envelope).encode()


async def code_of(socket: Any) -> int:
    """The close code that a connection ends with."""
    async with asyncio.timeout(10):
        while True:
            try:
                await socket.recv()
            except ConnectionClosed as ended:
                return ended.rcvd.code if ended.rcvd else 1006


async def collect(socket: Any, until: int) -> list[int]:
    """The numbers of the frames that come, up to one."""
    seen: list[int] = []
    async with asyncio.timeout(30):
        while not seen or seen[-1] < until:
            frame = json.loads(await socket.recv())
            if frame.get("op") != "ack":
                seen.append(frame["seq"])
    return seen
