"""The connector of strategies beside an upstream that drops, refuses, forgets, lies, shouts and falls silent."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest

from libs.telemetry.logs import configure
from services.connectors.addresses import address
from services.connectors.backoff import Backoff
from services.connectors.line import Patience
from services.connectors.rest import Rest
from services.connectors.signing import Credentials
from services.connectors.strategies import StrategyConnector, Wish
from services.connectors.writer import WAITING
from services.simulator.channel import Channel
from services.simulator.strategy_server import StrategyUpstream
from tests.services.connectors.given import Memory, running, until

KEY = Credentials("key-1", "a-secret-nobody-sees")
START = datetime(2026, 4, 29, 12, tzinfo=UTC)


class World:
    """An upstream, a topic, and connectors that come and go."""

    def __init__(self, upstream: StrategyUpstream, port: int) -> None:
        self.upstream, self.port = upstream, port
        self.kafka = Memory()
        self.entities: list[str] = []
        self.rest = Rest(loopback=True)
        self._seconds = count()

    def emit(self, strategy: str = "a", event: str = "deployed", data: dict[str, Any] | None = None) -> None:
        at = (START + timedelta(seconds=next(self._seconds))).isoformat(timespec="milliseconds")
        self.upstream.emit(strategy, event, data or {}, at.replace("+00:00", "Z"))

    def connector(
        self,
        *subscriptions: str,
        auth: Any = "frame",
        secret: str = KEY.secret,
        patience: Patience | None = None,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> StrategyConnector:
        async def entities() -> list[str]:
            return self.entities

        async def briefly(_seconds: float) -> None:
            await asyncio.sleep(0.01)

        return StrategyConnector(
            Wish(
                address(f"ws://127.0.0.1:{self.port}/v1/ws"),
                "acme",
                Credentials(KEY.api_key, secret),
                auth,
                subscriptions or ("*",),
            ),
            self.kafka,
            self.rest,
            entities,
            backoff or Backoff(lambda: 0.0, lambda: 0.5),
            patience,
            sleep or briefly,
        )

    async def has(self, *numbers: int) -> None:
        await until(lambda: set(numbers) <= set(self.kafka.numbers()), lambda: self.kafka.bodies[-5:])


@contextlib.asynccontextmanager
async def world(keep: float = 300) -> AsyncIterator[World]:
    upstream = StrategyUpstream(KEY.api_key, KEY.secret, Channel(keep))
    async with upstream.serving("127.0.0.1", 0) as port:
        made = World(upstream, port)
        yield made
        await made.rest.close()


@pytest.mark.parametrize("auth", ["frame", "url"])
async def test_frames_arrive_byte_for_byte_after_the_scope_of_their_connection(auth: str) -> None:
    async with world() as one, running(one.connector(auth=auth).run()):
        for _ in range(3):
            one.emit(event="something.new", data={"a": "ü", "n": 1.5})
        await one.has(1, 2, 3)
        wanted = [frame.text.encode() for frame in one.upstream.channel.since(0, 0.0) or ()]
        assert [value for _, value in one.kafka.records[1:]] == wanted
        assert {key for key, _ in one.kafka.records} == {"acme"}
        assert one.kafka.bodies[0]["event"] == "connector.scope"
        assert one.kafka.bodies[0]["data"] == {"subscriptions": ["*"]}
        assert one.upstream.subscribed[0]["since_seq"] == 0


async def test_connections_that_break_off_cost_nothing() -> None:
    async with world() as one, running(one.connector().run()):
        for number in range(1, 101):
            one.emit(str(number % 5))
            if number % 20 == 0:
                one.upstream.drop()
            await asyncio.sleep(0.001)
        await one.has(*range(1, 101))
        assert one.kafka.numbers() == list(range(1, 101)), "nor does anything come twice"
        assert len(one.kafka.events("connector.scope")) >= 5


async def test_a_connector_goes_on_from_what_kafka_has_and_not_from_what_it_received() -> None:
    async with world() as one:
        one.emit()
        async with running(one.connector().run()):
            await one.has(1)
            one.kafka.takes.clear()
            for _ in range(50):
                one.emit()
            await asyncio.sleep(0.1)  # received, and not acknowledged by Kafka
            dead = one.kafka
        # killed: what was under way never reached Kafka
        one.kafka = Memory()
        one.kafka.records = list(dead.records)
        async with running(one.connector().run()):
            await one.has(*range(1, 52))
        assert one.upstream.subscribed[-1]["since_seq"] == 1
        assert one.kafka.numbers() == list(range(1, 52))


async def test_single_subscriptions_resume_each_from_its_own_number() -> None:
    async with world() as one:
        for strategy in ("a", "b", "a", "c", "b", "a"):
            one.emit(strategy)
        frames = [frame.text.encode() for frame in one.upstream.channel.since(0, 0.0) or ()]
        # killed when a was further than b
        one.kafka.records = [("acme", frames[index]) for index in (0, 1, 2, 5)]
        async with running(one.connector("a", "b").run()):
            await one.has(1, 2, 3, 5, 6)
        assert [(sub["id"], sub["since_seq"]) for sub in one.upstream.subscribed] == [("a", 6), ("b", 2)]
        assert 4 not in one.kafka.numbers()
        assert one.kafka.events("connector.scope")[-1]["data"]["subscriptions"] == ["a", "b"]


async def test_a_refused_replay_leads_to_a_reconciliation_of_every_known_strategy() -> None:
    async with world(keep=0.0) as one:
        one.entities = ["acme:a", "acme:gone"]
        for strategy in ("a", "b", "a", "a"):
            one.emit(strategy)
        first = json.dumps(
            {"event": "deployed", "strategy_id": "b", "seq": 1, "ts": "2026-04-29T11:00:00.000Z"}
        )
        one.kafka.records = [("acme", first.encode())]
        async with running(one.connector().run()):
            await until(lambda: len(one.kafka.events("connector.scope")) == 2, lambda: one.kafka.bodies)
            one.emit("b")
            await one.has(5)
        assert one.upstream.asked == ["a", "b", "gone"]
        assert ["since_seq" in sub for sub in one.upstream.subscribed] == [True, False]
        said = [(body["event"], body.get("seq")) for body in one.kafka.bodies[1:]]
        assert said == [
            ("connector.scope", None),
            ("strategy.snapshot", 4),
            ("strategy.snapshot", 4),
            ("connector.scope", None),
            ("deployed", 5),
        ]
        marks = [scope["data"].get("reconciling") for scope in one.kafka.events("connector.scope")]
        assert marks == [True, None]


async def test_a_reconciliation_that_was_cut_off_is_done_after_the_next_start() -> None:
    async with world() as one:
        one.entities = ["acme:a"]
        one.emit("a")
        one.kafka.records = [
            ("acme", (one.upstream.channel.since(0, 0.0) or [])[0].text.encode()),
            ("acme", b'{"event":"connector.scope","data":{"subscriptions":["*"],"reconciling":true}}'),
        ]
        async with running(one.connector().run()):
            await until(lambda: bool(one.kafka.events("strategy.snapshot")), lambda: one.kafka.bodies)
            one.emit("a")
            await one.has(2)
        assert one.upstream.subscribed[-1]["since_seq"] == 1, "replay is asked for all the same"


async def test_frames_that_come_during_a_reconciliation_stand_behind_its_snapshots() -> None:
    async with world(keep=0.0) as one:
        one.entities = ["acme:a"]
        for _ in range(3):
            one.emit("a")
        asking, go_on = asyncio.Event(), asyncio.Event()
        get = one.rest.get

        async def slowly(*words: Any, **more: Any) -> bytes:
            asking.set()
            await go_on.wait()
            return await get(*words, **more)

        one.rest.get = slowly  # type: ignore[method-assign]
        one.kafka.records = [
            ("acme", b'{"event":"paused","strategy_id":"a","seq":1,"ts":"2026-04-29T11:00:00Z"}')
        ]
        async with running(one.connector().run()):
            await asyncio.wait_for(asking.wait(), 10)
            one.emit("a")
            await asyncio.sleep(0.1)
            assert one.kafka.numbers() == [1]
            go_on.set()
            await one.has(4)
        events = [body["event"] for body in one.kafka.bodies]
        assert events.index("strategy.snapshot") < len(events) - 1 - events[::-1].index("deployed")


async def test_a_refusing_upstream_is_tried_on_the_schedule_of_004() -> None:
    nominal = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0)
    runs = 40
    async with world() as one:
        one.upstream.refusing = True
        for run in range(runs):
            delays = await _refused(one, len(nominal), run)
            for delay, wanted in zip(delays, nominal, strict=True):
                assert 0.75 * wanted <= delay <= min(30.0, 1.25 * wanted)


async def _refused(one: World, times: int, seed: int) -> list[float]:
    """For how long a connector waits that is refused so many times, by a clock that moves with its waiting."""
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)
        if len(delays) == times:
            await asyncio.Event().wait()

    backoff = Backoff(lambda: sum(delays), Random(seed).random)
    async with running(one.connector(backoff=backoff, sleep=sleep).run()):
        await until(lambda: len(delays) == times, lambda: delays)
    return delays


async def test_shouting_harms_nothing() -> None:
    async with world() as one, running(one.connector().run()):
        one.emit()
        await one.has(1)
        for noise in (
            b"\x00" * 100,
            "garbage",
            "[]",
            '{"op":"ack","ok":true}',
            '{"op":"dance"}',
            "{" * 5_000,
        ):
            one.upstream.send_raw(noise)
        one.emit()
        await one.has(2)
        connections = one.upstream.connections
        one.upstream.send_raw("x" * 10_000_000)
        await until(lambda: one.upstream.connections > connections, lambda: one.upstream.connections)
        one.emit()
        await one.has(3)
        assert one.kafka.numbers() == [1, 2, 3]


async def test_an_event_over_the_bound_does_not_hold_up_those_behind_it_for_ever() -> None:
    async with world() as one, running(one.connector().run()):
        one.emit("a")
        await one.has(1)
        one.emit("a", "something.new", {"text": "x" * 300_000})
        one.emit("b")
        await until(lambda: bool(one.kafka.events("strategy.snapshot")), lambda: one.kafka.bodies)
        one.emit("a")
        await one.has(4)
        assert 2 not in one.kafka.numbers()
        assert one.kafka.events("strategy.snapshot")[-1]["seq"] == 3, (
            "what was passed over is told as a state"
        )


async def test_an_upstream_that_falls_silent_is_left_and_found_again() -> None:
    patience = Patience(ping_every=0.1, pong_within=0.2)
    async with world() as one, running(one.connector(patience=patience).run()):
        one.emit()
        await one.has(1)
        one.upstream.freeze()
        await until(lambda: one.upstream.connections > 1, lambda: one.upstream.connections)
        one.emit()
        await one.has(2)
        assert one.kafka.numbers() == [1, 2]


async def test_an_upstream_that_acknowledges_nothing_is_left() -> None:
    class Deaf(StrategyUpstream):
        def _obey(self, client: Any, body: Any) -> None:
            pass

    upstream = Deaf(KEY.api_key, KEY.secret)
    async with upstream.serving("127.0.0.1", 0) as port:
        one = World(upstream, port)
        async with running(one.connector(patience=Patience(ack_within=0.05)).run()):
            await until(lambda: upstream.connections > 2, lambda: upstream.connections)
        assert one.kafka.records == []


async def test_a_slow_kafka_stops_the_reading_and_loses_nothing() -> None:
    async with world() as one, running(one.connector().run()) as task:
        one.emit()
        await one.has(1)
        one.kafka.takes.clear()
        text = "x" * 20_000
        for _ in range(2_000):
            one.emit(event="something.new", data={"text": text})
        await asyncio.sleep(0.5)
        client = next(iter(one.upstream._clients))
        # the bound of the queue, what the writer holds, and what lies in buffers of sockets
        assert client.waiting.qsize() > 2_000 - 3 * WAITING - 600
        one.kafka.takes.set()
        await one.has(2_001)
        assert one.kafka.numbers() == list(range(1, 2_002))
        assert not task.done()


async def test_logs_tell_each_change_once_and_no_secret() -> None:
    log = io.StringIO()
    configure("test", log)
    async with world() as one:
        async with running(one.connector(auth="url", secret="another").run()):
            await until(lambda: "status 401" in log.getvalue(), log.getvalue)
            await asyncio.sleep(0.3)
        lines = [json.loads(line) for line in log.getvalue().splitlines()]
        assert len([line for line in lines if line["event"] == "not connected"]) == 1
        async with running(one.connector(auth="url").run()):
            one.emit()
            await one.has(1)
            one.upstream.drop()
            one.emit()
            await one.has(2)
        said = log.getvalue()
        assert '"connected"' in said
        for hidden in (KEY.secret, "another", "signature="):
            assert hidden not in said


async def test_told_to_stop_what_was_received_still_goes_to_kafka() -> None:
    async with world() as one:
        async with running(one.connector().run()):
            one.emit()
            await one.has(1)
            one.kafka.takes.clear()
            for _ in range(20):
                one.emit()
            await asyncio.sleep(0.2)
            asyncio.get_running_loop().call_later(0.3, one.kafka.takes.set)
        assert one.kafka.numbers() == list(range(1, 22))
