"""The streams with a real Kafka, real workers, real servers and clients of the ``websockets`` package."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.services.api.streams.clients import (
    ask,
    auth,
    code_of,
    collect,
    connected,
    event,
    hear,
    say,
    signed,
    silent,
    subscribe,
)
from tests.services.api.streams.conftest import Served

pytestmark = pytest.mark.real

ACK = {"op": "ack", "channel": "strategy.status", "id": "*", "ok": True}


async def test_a_frame_is_the_sources_envelope_with_our_number(served: Served) -> None:
    """Byte for byte but for the number; acknowledged first; both authentications."""
    port = await served.serve()
    async with connect(signed(port, "a")) as socket, connected(port, "b") as other:
        assert await ask(socket, subscribe()) == ACK
        assert await ask(other, subscribe()) == ACK
        said = event(
            12483,
            name="position_opened",
            position_id="p",
            symbol="BTCUSDT",
            side="long",
            entry_price="67234.50",
            quantity="0.0150",
            leverage=3,
            notional="1008.52",
            more=1.50,
        )
        said = said.replace(b'"more": 1.5', b'"more": 1.50e0')
        await served.push("a", said)
        async with asyncio.timeout(10):
            heard = await socket.recv(decode=False)
        assert heard == said.replace(b"12483", b"1")
        assert await silent(other)


async def test_resume_over_restart_and_in_another_process(served: Served) -> None:
    """Every process numbers alike; since_seq goes on where it stopped, without a gap or a double."""
    first, second = await served.serve(), await served.serve()
    await served.push("a", *(event(n, f"s{n % 3}") for n in range(1, 31)))
    await served.settle()
    async with connected(first, "a") as one, connected(second, "a") as two:
        assert await ask(one, subscribe(since_seq=0)) == ACK
        assert await ask(two, subscribe(since_seq=20)) == ACK
        assert await collect(one, 30) == list(range(1, 31))
        assert await collect(two, 30) == list(range(21, 31))
        await served.push("a", event(31))
        assert [(await hear(s))["seq"] for s in (one, two)] == [31, 31]
        process = served.servers[first]
        ending = asyncio.create_task(code_of(one))
        await asyncio.to_thread(process.stop)
        assert await ending == 1012
    await served.push("a", event(32), event(33))
    await served.serve(first)
    async with connected(first, "a") as one:
        assert await ask(one, subscribe(since_seq=31)) == ACK
        assert await collect(one, 33) == [32, 33]
        assert (await ask(one, subscribe("s1", since_seq=34)))["code"] == "REPLAY_UNAVAILABLE"
        assert await ask(one, subscribe("s0", since_seq=0)) == {**ACK, "id": "s0"}
        # of what * did not reach
        assert [(await hear(one))["seq"] for _ in range(10)] == list(range(3, 31, 3))
        assert await silent(one)


async def test_the_window(served: Served) -> None:
    """Older than what is kept: REPLAY_UNAVAILABLE; the last number: ok, also of an account long silent."""
    port = await served.serve(STRATAFOLD_REPLAY_SECONDS="1")
    await served.push("a", event(1), event(2))
    await served.settle()
    await asyncio.sleep(1.5)
    fresh = await served.serve(STRATAFOLD_REPLAY_SECONDS="1")
    for each in (port, fresh):
        async with connected(each, "a") as socket:
            refused = {
                "op": "ack",
                "channel": "strategy.status",
                "id": "*",
                "ok": False,
                "code": "REPLAY_UNAVAILABLE",
            }
            for since in (0, 1, 9, 2**63 - 1):
                assert await ask(socket, subscribe(since_seq=since)) == refused, since
            await served.push("a", event(3 if each == port else 4))
            assert await silent(socket, 1.5), "a subscription that was refused is not on"
            last = 3 if each == port else 4
            assert await ask(socket, subscribe(since_seq=last)) == ACK
            assert await silent(socket)
    async with connected(fresh, "never") as socket:
        assert await ask(socket, subscribe(since_seq=0)) == ACK
        assert (await ask(socket, subscribe(since_seq=1)))["code"] == "REPLAY_UNAVAILABLE"


async def test_who_resumes_while_nobody_can_say_what_there_is_may_come_again(served: Served) -> None:
    """REPLAY_UNAVAILABLE would be for good: the client would give up frames that are there."""
    port = await served.serve()
    await served.settle()
    served.deployment.workers[0].kill()
    names = served.deployment.names
    positions = [names.position("strategies", number) for number in range(served.deployment.partitions)]
    async with Redis.from_url(served.deployment.servers.redis) as redis:
        await redis.delete(*positions)
    async with connected(port, "silent for long") as socket:
        await say(socket, subscribe(since_seq=7))
        assert await code_of(socket) == 1013


async def test_overlapping_subscriptions_give_each_frame_once(served: Served) -> None:
    """And what is unsubscribed from no more; another account's strategy is none."""
    port = await served.serve()
    await served.push("a", *(event(n, f"s{n % 2}") for n in range(1, 7)))
    await served.push("b", event(1, "theirs"))
    await served.settle()
    async with connected(port, "a") as socket:
        assert (await ask(socket, subscribe("s1")))["ok"]
        assert (await ask(socket, subscribe("theirs", since_seq=0)))["ok"]
        assert (await ask(socket, subscribe("*", since_seq=2)))["ok"]
        assert await collect(socket, 6) == [3, 4, 5, 6]
        assert (await ask(socket, subscribe("s0", since_seq=0)))["ok"]
        assert (await hear(socket))["seq"] == 2
        await served.push("a", event(7, "s1"), event(8, "s0"))
        await served.push("b", event(2, "theirs"))
        assert await collect(socket, 8) == [7, 8]
        assert (await ask(socket, {**subscribe("*"), "op": "unsubscribe"})) == ACK
        assert (await ask(socket, {**subscribe("s0"), "op": "unsubscribe"}))["ok"]
        await served.push("a", event(9, "s0"), event(10, "s1"))
        assert (await hear(socket))["seq"] == 10
        assert await silent(socket)


async def test_authentication(served: Served) -> None:
    """Bad, used, missing or late: each with its code."""
    port = await served.serve()
    url = f"ws://127.0.0.1:{port}/v1/ws"
    for query in ("?api_key=a", "?api_key=a&timestamp=1&signature=x", "?signature=", "?api_key=a&api_key=b"):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url + query):
                pass
        assert refused.value.response.status_code == 401
    good = signed(port, "a")
    async with connect(good) as socket:
        assert await ask(socket, subscribe()) == ACK
    with pytest.raises(InvalidStatus):
        await connect(good)
    used = auth("a")
    async with connect(url) as socket:
        await say(socket, used)
        assert await ask(socket, subscribe()) == ACK
    stale = {**auth("a"), "timestamp": 1}
    bad: list[object] = [used, stale, subscribe(), {"op": "auth"}, [], {**auth("a"), "api_key": 5}]
    for frame in bad:
        async with connect(url) as socket:
            await say(socket, frame)
            assert await code_of(socket) == 4401, frame
    async with connect(url) as never, connect(url) as late:
        begun = time.monotonic()
        waiting = asyncio.create_task(code_of(never))
        await asyncio.sleep(5.1)
        with contextlib.suppress(ConnectionClosed):
            await say(late, auth("a"))
        assert await code_of(late) == 4408
        assert await waiting == 4408
        assert 4.5 < time.monotonic() - begun < 7


async def test_agents_messages_go_out_as_they_came(served: Served) -> None:
    """Of the one agent that there is by ``current`` too; none is 404, several are 409."""
    port = await served.serve()
    with pytest.raises(InvalidStatus) as none:
        await connect(f"ws://127.0.0.1:{port}/agents/current/stream")
    assert none.value.response.status_code == 404
    change = (
        b'{ "event":"status_change","ts":"2026-04-29T12:00:00Z","from":"idle","to":"run\\u006eing","x":1.50}'
    )
    await served.push("one", change, service="agents")
    await served.settle()
    address = f"ws://127.0.0.1:{port}/agents"
    async with connect(f"{address}/current/stream") as current, connect(f"{address}/two/stream") as other:
        clock = b'{"event":"agent.clock","ts":"2026-04-29T12:00:01Z"}'
        veto = (
            b'{"event":"risk_veto","ts":"2026-04-29T12:00:02Z","rule":"r","explanation":"e","order_ref":"o"}'
        )
        unknown = b'{"event":"new","ts":"2026-04-29T12:00:02Z"}'
        await served.push("one", clock, unknown, veto, veto, service="agents")
        async with asyncio.timeout(10):
            assert await current.recv(decode=False) == veto
        assert await silent(current)
        await served.push("two", change, service="agents")
        async with asyncio.timeout(10):
            assert await other.recv(decode=False) == change
    await served.settle()
    with pytest.raises(InvalidStatus) as several:
        await connect(f"ws://127.0.0.1:{port}/agents/current/stream")
    assert several.value.response.status_code == 409
