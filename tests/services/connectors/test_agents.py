"""The connector of agents: its stream, the lists while there is none, and both without doubles."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from itertools import count
from typing import Any

from services.connectors.addresses import agent_address
from services.connectors.agents import AgentConnector
from services.connectors.backoff import Backoff
from services.connectors.line import Patience
from services.connectors.rest import NoAnswer, Rest
from services.simulator.agent_server import AgentUpstream
from tests.services.connectors.given import Memory, running, until


class World:
    """An upstream with agents, a topic, and connectors that come and go."""

    def __init__(self, upstream: AgentUpstream, port: int) -> None:
        self.upstream, self.port = upstream, port
        self.kafka = Memory()
        self.rest: Rest = Rest(loopback=True)
        self._seconds = count()

    def emit(self, event: str = "snapshot", agent: str = "one", **more: Any) -> str:
        """Something happens; the text of its message."""
        body = {"event": event, "ts": f"2026-04-29T12:{next(self._seconds) // 60:02d}:00Z", **more}
        self.upstream.emit(agent, body)
        return json.dumps(body)

    def connector(
        self, agent: str = "current", poll_every: float = 0.05, wait: float = 0.05
    ) -> AgentConnector:
        async def sleep(seconds: float) -> None:
            await asyncio.sleep(min(seconds, wait))

        return AgentConnector(
            agent_address(f"ws://127.0.0.1:{self.port}/agents/{agent}/stream"),
            self.kafka,
            self.rest,
            Backoff(lambda: 0.0, lambda: 0.5),
            poll_every,
            Patience(ping_every=0.2, pong_within=0.3),
            sleep=sleep,
        )

    @property
    def texts(self) -> list[str]:
        return [value.decode() for _, value in self.kafka.records]

    async def has(self, number: int) -> None:
        await until(lambda: len(self.kafka.records) >= number, lambda: self.kafka.bodies)


@contextlib.asynccontextmanager
async def world(*agents: str) -> AsyncIterator[World]:
    upstream = AgentUpstream(agents or ("one",))
    async with upstream.serving("127.0.0.1", 0) as port:
        made = World(upstream, port)
        yield made
        await made.rest.close()


async def test_messages_arrive_byte_for_byte_under_the_id_that_current_stands_for() -> None:
    async with world() as one, running(one.connector().run()):
        await until(lambda: bool(one.upstream._lines), lambda: one.upstream.connections)
        wanted = [one.emit("status_change", to=str(number), n=1.50) for number in range(5)]
        wanted.append(one.emit("of.the.future", x="ü"))
        await one.has(6)
        assert one.texts == wanted
        assert {key for key, _ in one.kafka.records} == {"one"}


async def test_what_was_told_before_the_connection_comes_from_the_lists_oldest_first_and_once() -> None:
    async with world() as one:
        for number in range(450):  # more than a page
            one.emit("trade", journal_ref=f"j{number}")
            one.emit("journal_entry", id=f"j{number}")
        async with running(one.connector("one").run()):
            await one.has(900)
            one.emit("trade", journal_ref="last")
            await one.has(901)
        refs = [body["journal_ref"] for body in one.kafka.events("trade")]
        assert refs == [*(f"j{number}" for number in range(450)), "last"]
        assert len(one.kafka.records) == 901
        # the next process knows from Kafka what is there
        async with running(one.connector("one").run()):
            one.emit("snapshot", equity="1")
            await one.has(902)
            await asyncio.sleep(0.2)
        assert len(one.kafka.records) == 902


async def test_while_streams_are_refused_the_lists_are_polled_and_nothing_comes_twice() -> None:
    async with world() as one:
        one.upstream.refusing = True
        async with running(one.connector("one").run()):
            for number in range(10):
                one.emit("snapshot", equity=str(number))
                one.emit("risk_veto", rule="r", order_ref=str(number))
                await asyncio.sleep(0.03)
            await one.has(20)
            one.upstream.refusing = False
            await until(lambda: bool(one.upstream._lines), lambda: one.upstream.connections)
            for number in range(10, 20):
                one.emit("snapshot", equity=str(number))
                if number == 15:
                    one.upstream.drop()
                await asyncio.sleep(0.01)
            await one.has(30)
            await asyncio.sleep(0.2)
        assert [body["equity"] for body in one.kafka.events("snapshot")] == [
            str(number) for number in range(20)
        ]
        assert len(one.kafka.records) == 30


async def test_polls_keep_their_distance_however_often_streams_are_refused() -> None:
    async with world() as one:
        one.upstream.refusing = True
        async with running(one.connector("one", poll_every=30.0, wait=0.005).run()):
            await asyncio.sleep(0.6)
            assert one.upstream.polls == 4, "one of each list"


async def test_noise_is_left_aside_and_a_frame_over_the_bound_costs_only_itself() -> None:
    async with world() as one, running(one.connector().run()):
        await until(lambda: bool(one.upstream._lines), lambda: one.upstream.connections)
        (line,) = one.upstream._lines
        for noise in (b"\x00", "nope", "[]", "{}"):
            await line.send(noise)
        first = one.emit("status_change", to="x")
        await one.has(1)
        with contextlib.suppress(Exception):
            await line.send("x" * 10_000_000)
        await until(lambda: one.upstream.connections == 2, lambda: one.upstream.connections)
        await until(lambda: bool(one.upstream._lines), lambda: one.upstream.connections)
        second = one.emit("status_change", to="y")
        await one.has(2)
        assert one.texts == [first, second]


async def test_a_silent_stream_is_left_and_found_again() -> None:
    async with world() as one, running(one.connector().run()):
        await until(lambda: bool(one.upstream._lines), lambda: one.upstream.connections)
        (line,) = one.upstream._lines
        line.transport.pause_reading()
        await until(lambda: one.upstream.connections == 2, lambda: one.upstream.connections)


class Unready(Rest):
    """A REST side that has no answer for a while after its stream is up."""

    def __init__(self, failures: int) -> None:
        super().__init__(loopback=True)
        self.failures = failures

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
    ) -> bytes:
        """Nothing so many times, then what there is."""
        if self.failures > 0:
            self.failures -= 1
            raise NoAnswer("status 503")
        return await super().get(url, headers, query)


async def test_lists_that_have_no_answer_yet_are_asked_again_while_the_stream_is_up() -> None:
    """What was told while nobody listened is in them alone; the stream does not wait for it."""
    async with world() as one:
        for number in range(3):
            one.emit("trade", journal_ref=f"j{number}")
        one.rest = unready = Unready(1_000_000)
        async with running(one.connector("one").run()):
            await until(lambda: bool(one.upstream._lines), lambda: one.upstream.connections)
            live = one.emit("trade", journal_ref="live")
            await one.has(1)
            assert one.texts == [live]
            unready.failures = 0
            await one.has(4)
            await asyncio.sleep(0.2)
        refs = sorted(body["journal_ref"] for body in one.kafka.events("trade"))
        assert refs == ["j0", "j1", "j2", "live"]
        assert one.upstream.connections == 1


async def test_without_one_current_agent_there_is_nothing_to_connect_to_and_it_is_tried_again() -> None:
    async with world("one", "two") as one, running(one.connector().run()) as task:
        await asyncio.sleep(0.3)
        assert one.upstream.connections == 0
        del one.upstream._lists["two"]
        one.emit("snapshot", equity="1")
        await one.has(1)
        assert not task.done()
