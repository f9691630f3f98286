"""Clients whose connections are cut, servers that are killed: what each client saw is whole, in order and once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from random import Random

import pytest
from websockets.exceptions import WebSocketException

from tests.services.api.streams.clients import connected, event, say, subscribe
from tests.services.api.streams.conftest import Served

pytestmark = pytest.mark.real

_EVENTS, _CLIENTS = 2_000, 8


async def _follow(ports: list[int], account: str, until: int, random: Random) -> list[int]:
    """Everything of an account, over connections that end after some frames, to whichever server; resumed each time."""
    seen: list[int] = []
    while not seen or seen[-1] < until:
        with contextlib.suppress(OSError, WebSocketException, TimeoutError):
            async with asyncio.timeout(5), connected(random.choice(ports), account) as socket:
                await say(socket, subscribe(since_seq=seen[-1] if seen else 0))
                assert json.loads(await socket.recv())["ok"], seen[-1:]
                for _ in range(random.randint(1, 400)):
                    seen.append(json.loads(await socket.recv())["seq"])  # noqa: PERF401 - a cut keeps the others
                if random.random() < 0.5:
                    socket.transport.abort()
        await asyncio.sleep(random.random() / 10)
    return seen


@pytest.mark.timeout(200)
async def test_whole_over_cuts_and_kills(served: Served) -> None:
    """Two servers, one killed and one stopped meanwhile; a worker killed as well."""
    random = Random(4)
    ports = [await served.serve(), await served.serve()]
    async with asyncio.timeout(150):
        following = [
            asyncio.create_task(_follow(ports, f"a{n % 2}", _EVENTS, Random(n))) for n in range(_CLIENTS)
        ]
        for first in range(1, _EVENTS + 1, 100):
            for account in ("a0", "a1"):
                numbers = range(first, first + 100)
                await served.push(account, *(event(n, f"s{random.randrange(3)}") for n in numbers))
            if first in (501, 1_201):
                port = ports[first % 2]
                server = served.servers[port]
                await asyncio.to_thread(server.kill if first == 501 else server.stop)
                await served.serve(port)
            if first == 901:
                worker = served.deployment.workers[0]
                worker.kill()
                served.deployment.start("strategies", STRATAFOLD_SERVICES="strategies,agents")
        for seen in await asyncio.gather(*following):
            assert seen == list(range(1, _EVENTS + 1))
