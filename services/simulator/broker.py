"""``python -m services.simulator.broker``: a made-up broker, who fills the orders that versions lead to.

Begins anew where its oldest outstanding order was created, so that none is left as it was when the broker was killed.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from libs.contracts.names import Names
from libs.ledger.times import rfc3339
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.reader import let_go
from libs.settings import Settings, load
from services.simulator.broker_book import Book
from services.simulator.broker_plan import Order, Word, body, id_of, rest, words
from services.simulator.kafka_writer import SERVICE, KafkaWriter, open_writer
from services.simulator.upstream_process import bare_parser, run
from services.simulator.version_commands import order_updated

_GROUP: Final = "simulator-broker"
_POLL: Final = 0.2  # seconds
_COMMIT_EVERY: Final = 2.0
_REPORT_EVERY: Final = 10.0

log = structlog.get_logger("stratafold.simulator")


class Broker:
    """Follows the orders of all partitions; ``pace`` is by what the seconds between two words are multiplied."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer[Any, Any],
        places: list[TopicPartition],
        writer: KafkaWriter,
        seed: int,
        pace: float,
    ) -> None:
        self._consumer = consumer
        self._writer = writer
        self._seed = seed
        self._pace = pace
        self._books = {place: Book() for place in places}
        self._begun: set[str] = set()  # outstanding orders whose words are planned
        self._due: list[tuple[float, int, TopicPartition, Order, list[Word]]] = []
        self._numbers = count()  # which of two that are due at once came first
        self._told = 0

    async def work(self) -> None:
        """Tell of every order until it has ended, until cancelled. Raises KafkaError."""
        ends = await self._consumer.end_offsets(list(self._books))
        behind = True
        committed = reported = time.monotonic()
        try:
            while True:
                await self._read()
                if behind:  # an order may have ended since it was created: first all is read that there is
                    at = {place: await self._consumer.position(place) for place in self._books}
                    behind = any(at[place] < end for place, end in ends.items())
                if not behind:
                    self._begin()
                    await self._tell()
                now = time.monotonic()
                if now - committed >= _COMMIT_EVERY:
                    committed = now
                    await self._commit()
                if now - reported >= _REPORT_EVERY:
                    reported = now
                    log.info("told", words=self._told, orders=len(self._begun))
        finally:
            await self._commit()

    async def _read(self) -> None:
        wait = min(_POLL, max(0.0, self._due[0][0] - time.monotonic())) if self._due else _POLL
        for place, records in (await self._consumer.getmany(timeout_ms=int(wait * 1000))).items():
            for record in records:
                self._books[place].take(record.offset, orjson.loads(record.value))

    def _begin(self) -> None:
        """Plan what to tell of those that are new."""
        outstanding = [(place, order) for place, book in self._books.items() for order in book.outstanding()]
        for place, order in outstanding:
            if order.id not in self._begun:
                self._plan(place, order, rest(words(order, self._seed), order))
        self._begun = {order.id for _, order in outstanding}

    def _plan(self, place: TopicPartition, order: Order, told: list[Word]) -> None:
        at = time.monotonic() + told[0].after * self._pace
        heapq.heappush(self._due, (at, next(self._numbers), place, order, told))

    async def _tell(self) -> None:
        """Say what is due, and plan the word after it; nothing more of an order that was cancelled meanwhile."""
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, place, order, (word, *more) = heapq.heappop(self._due)
            ahead = word.ends or any(one.ends for one in more)
            if ahead and self._books[place].get(order.id) is None:
                continue
            now = rfc3339(round(time.time() * 1000))
            value = order_updated(id_of(order, word), now, order.strategy_id, body(order, word))
            await self._writer.send(f"{SERVICE}.in", order.strategy_id, value)
            self._told += 1
            if more:
                self._plan(place, order, more)

    async def _commit(self) -> None:
        try:
            async with asyncio.timeout(_COMMIT_EVERY):
                at = {place: await self._consumer.position(place) for place in self._books}
                await self._consumer.commit({place: self._books[place].mark(at[place]) for place in at})
        except (KafkaError, TimeoutError) as why:  # more is read again than had to be
            log.info("where to begin anew can't be kept", why=repr(why))


@asynccontextmanager
async def _events(
    settings: Settings,
) -> AsyncIterator[tuple[AIOKafkaConsumer[Any, Any], list[TopicPartition]]]:
    """A reader of all partitions of the derived events, from where the last broker would have begun anew."""
    names = Names(settings.namespace)
    topic = names.topic(f"{SERVICE}.events")
    consumer: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
        **KafkaAccess.of(settings).options(),
        client_id=_GROUP,
        group_id=names.group(_GROUP),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=100,
    )
    try:
        await consumer.start()
        places = [TopicPartition(topic, number) for number in range(settings.partitions)]
        consumer.assign(places)
        yield consumer, places
    finally:
        await let_go(consumer)


def options() -> argparse.ArgumentParser:
    """What can be set."""
    made = bare_parser(__doc__)
    made.set_defaults(seed=1)  # who begins anew is to have planned the same
    return made


async def main(given: argparse.Namespace) -> None:
    """Fill orders until cancelled. Raises SettingsError, KafkaError, OSError."""
    settings = load()
    async with open_writer(settings, _GROUP) as writer, _events(settings) as (consumer, places):
        log.info("following orders", seed=given.seed, kafka=settings.kafka_servers)
        await Broker(consumer, places, writer, given.seed, given.pace).work()


if __name__ == "__main__":
    sys.exit(run("broker", main, options()))
