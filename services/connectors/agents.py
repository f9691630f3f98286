"""The connector of agents: an agent's stream (002) into ``agents.in``, and its REST while there is no stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
import structlog
from websockets.asyncio.client import ClientConnection

from services.connectors.addresses import CURRENT, AgentAddress
from services.connectors.backoff import Backoff
from services.connectors.line import FAILURES, Lost, Patience, lost, open_line
from services.connectors.merging import ENDPOINTS, Message, Sent, WrongPage, message, new, page, worth_more
from services.connectors.ports import Topic
from services.connectors.rest import NoAnswer, Rest
from services.connectors.states import States
from services.connectors.writer import Writer

# The worker tells doubles among an agent's last 1,000 facts; what we remember ourselves goes further back.
LOOKED_BACK: Final = 5_000  # records of the agent
MOST_LOOKED_BACK: Final = 100_000  # records of its partition
_PAGES: Final = 50
_ITEMS: Final = 200
_ODD_TOLD: Final = 20

log = structlog.get_logger("stratafold.connector")


class AgentConnector:
    """Keeps one agent's messages flowing into Kafka; ``poll_every`` in seconds."""

    def __init__(
        self,
        address: AgentAddress,
        outlet: Topic,
        rest: Rest,
        backoff: Backoff,
        poll_every: float,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._address = address
        self._outlet = outlet
        self._rest = rest
        self._backoff = backoff
        self._poll_every = poll_every
        self._patience = patience or Patience()
        self._clock = clock
        self._sleep = sleep
        self._states = States(address.stream.url)
        self._writer: Writer[Message] = Writer(outlet, self._has)
        self._sent: dict[str, Sent] = {}
        self._agent = ""
        self._polled = Sent()
        self._poll_at = 0.0
        self._poll_failure = ""

    async def run(self) -> None:
        """Go on until cancelled. Raises WrongTopic, Stuck."""
        await self._outlet.open()
        await self._writer.run_beside(self._keep_connected())

    def _has(self, one: Message) -> None:
        self._sent[self._agent].add(one)

    async def _keep_connected(self) -> None:
        while True:
            try:
                await self._resolve()
                await self._connection()
            except Lost as why:
                await self._writer.settle()
                delay = self._backoff.failed()
                self._states.now("not connected", str(why), warn=True, again_in=round(delay, 1))
                await self._poll_for(delay)

    async def _resolve(self) -> None:
        """Find out whose stream it is, and what Kafka has of it. Raises Lost."""
        agent = self._address.agent
        if agent == CURRENT:
            agent = await self._current()
        self._agent = agent
        if agent not in self._sent:
            sent = Sent()
            for value in await self._outlet.tail(
                agent, lambda values: len(values) >= LOOKED_BACK, MOST_LOOKED_BACK
            ):
                if value is not None and (one := message(value)) is not None:
                    sent.add(one)
            self._sent[agent] = sent

    async def _current(self) -> str:
        try:
            answer = orjson.loads(await self._rest.get(self._address.rest(CURRENT)))
        except NoAnswer as why:
            raise Lost(f"the current agent: {why}") from None
        except orjson.JSONDecodeError:
            raise Lost("the current agent: not JSON") from None
        data = answer.get("data", answer) if isinstance(answer, dict) else None
        agent = data.get("id") if isinstance(data, dict) else None
        if not isinstance(agent, str) or agent in ("", CURRENT):
            raise Lost("the current agent: the answer has no id")
        return agent

    async def _connection(self) -> None:
        """One connection, to its end. Raises Lost."""
        url = self._address.of(self._agent)
        try:
            async with open_line(url, self._address.stream.loopback, self._patience) as line:
                self._backoff.connected()
                self._polled = Sent()
                # what was told while nobody listened; the stream's own messages wait until that is in Kafka
                first = asyncio.create_task(self._poll())
                reading = asyncio.create_task(self._read(line, first))
                catching_up = asyncio.create_task(self._catch_up(first))
                try:
                    await asyncio.wait({reading, catching_up}, return_when=asyncio.FIRST_COMPLETED)
                    if catching_up.done():
                        catching_up.result()
                    await reading
                finally:
                    tasks = (first, catching_up, reading)
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
        except FAILURES as why:
            raise lost(why) from None

    async def _catch_up(self, first: asyncio.Task[bool]) -> None:
        """Until the lists have answered: what was told before the connection is in them alone."""
        done = await first
        self._states.now("connected", agent=self._agent)
        while not done:
            await self._sleep(self._poll_every)
            done = await self._poll()

    async def _read(self, line: ClientConnection, first: asyncio.Task[bool]) -> None:
        odd = 0
        while True:
            frame = await line.recv()
            one = message(frame.encode()) if isinstance(frame, str) else None
            if one is None:
                odd += 1
                if odd <= _ODD_TOLD:
                    log.warning("a frame is left aside", more_not_told=odd == _ODD_TOLD)
                continue
            await asyncio.wait({first})
            # what the lists had just now, the stream may bring as well
            if one not in self._polled:
                await self._writer.put(self._agent, one)

    async def _poll_for(self, seconds: float) -> None:
        """Wait for so long, and ask the lists whenever it is time."""
        end = self._clock() + seconds
        while (now := self._clock()) < end:
            if now >= self._poll_at and self._agent:
                await self._poll()
            else:
                next_poll = self._poll_at if self._agent else end
                await self._sleep(min(end, next_poll) - now)

    async def _poll(self) -> bool:
        """Bring what the lists have and Kafka has not, oldest first; False where one of them has no answer."""
        self._poll_at = self._clock() + self._poll_every
        sent, found = self._sent[self._agent], []
        try:
            for endpoint in ENDPOINTS:
                found += await self._list(endpoint, sent)
        except (NoAnswer, WrongPage) as why:
            if str(why) != self._poll_failure:
                log.warning("polling failed", why=str(why))
            self._poll_failure = str(why)
            return False
        self._poll_failure = ""
        fresh = new(found, sent)
        for one in fresh:
            self._polled.add(one)
        await self._writer.append_first(self._agent, fresh)
        return True

    async def _list(self, endpoint: str, sent: Sent) -> list[Message]:
        """A list's messages, back to what is known. Raises NoAnswer, WrongPage."""
        found: list[Message] = []
        query = {"limit": str(_ITEMS)}
        for _ in range(_PAGES):
            answer = await self._rest.get(self._address.rest(self._agent, endpoint), query=query)
            messages, cursor = page(answer, endpoint)
            # newest first, as lists are: kept oldest first, for messages of the same time
            found = [*reversed(messages), *found]
            if cursor is None or not worth_more(messages, sent):
                break
            query["cursor"] = cursor
        return found
