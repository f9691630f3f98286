"""What `up` shows, looked up once a second: figures from Redis, lag and the latest derived events from Kafka.

Never waits long: what does not answer is said to be away, and what was known last stays, but for who is at work: that
is told anew whenever it is asked, lest a worker that died look alive until the next answer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import orjson
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from libs.contracts.names import Names
from libs.ledger.times import milliseconds
from libs.runtime.latest import Bounds, Latest
from libs.runtime.reader import Record
from libs.settings import Settings
from libs.views.figures import Figures, Rate, at_work, figures
from libs.views.reading import PartitionView, Views
from libs.views.summaries import name_of, summary
from services.cli.clients import make_consumer, make_redis

_REDIS_SECONDS: Final = 1.5
_KAFKA_SECONDS: Final = 3.0
_FOR_KAFKA: Final = 0.5  # seconds that a look waits for Kafka's answer
_LATEST: Final = 6  # events of a partition that are looked at, however many came
_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Event:
    """A derived event of the feed; ``at`` in ms since 1970, when it was recorded."""

    id: str
    at: int
    name: str
    subject: str
    summary: str


@dataclass(slots=True)
class Seen:
    """What is known now: figures of each service, events newest first, and why Kafka or Redis can't be asked."""

    figures: list[Figures]
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=_KEPT))
    redis_away: str | None = None
    kafka_away: str | None = None


class Watch:
    """Looks at the services of one namespace."""

    def __init__(self, settings: Settings, services: Sequence[str]) -> None:
        self._settings = settings
        self._services = services
        self._names = Names(settings.namespace)
        self._rates = {service: Rate() for service in services}
        self._rate = dict.fromkeys(services, 0.0)
        self._redis = make_redis(settings, _REDIS_SECONDS)
        self._views: dict[str, list[PartitionView]] = {}
        self._latest = Latest(
            lambda: make_consumer(settings, max_partition_fetch_bytes=64 * 1024),
            settings.partitions,
            self._take,
        )
        self._bounds: Bounds = {}
        self._asking_kafka: asyncio.Task[None] | None = None
        self.seen = Seen([figures(service, [], None, 0.0) for service in services])

    async def look(self) -> None:
        """Look once; takes at most some seconds and raises nothing that an absent server would cause.

        Kafka that is slow to answer does not hold up what Redis tells: its answer is seen at a later look.
        """
        if self._asking_kafka is None or self._asking_kafka.done():
            self._asking_kafka = asyncio.create_task(self._ask_kafka())
        await asyncio.gather(self._ask_redis(), asyncio.wait({self._asking_kafka}, timeout=_FOR_KAFKA))
        if self._asking_kafka.done():
            self._asking_kafka.result()
        for service, views in self._views.items():
            total = sum(view.counters.get("in_total", 0) for view in views)
            self._rate[service] = self._rates[service].add(time.monotonic(), total)

    def now(self, ended: Collection[str] = ()) -> Seen:
        """What is known, and who is at work at this moment; ``ended`` are beginnings of owners that are gone."""
        self.seen.figures = [self._figures(service, ended) for service in self._services]
        return self.seen

    async def close(self) -> None:
        """Let the connections go."""
        if self._asking_kafka is not None:
            self._asking_kafka.cancel()
            await asyncio.gather(self._asking_kafka, return_exceptions=True)
        await self._latest.close()
        await self._redis.aclose()

    def _figures(self, service: str, ended: Collection[str]) -> Figures:
        views = at_work(self._views.get(service, []), time.time() * 1000, ended)
        tps = self._tps(service, "in")
        away = self.seen.kafka_away or self.seen.redis_away
        known = not away and len(views) == len(tps) and all(tp in self._bounds for tp in tps)
        bounds = [self._bounds[tp] for tp in tps] if known else None
        rate = 0.0 if away else self._rate[service]  # of what isn't seen nobody knows how fast it is
        return figures(service, views, bounds, rate)

    def _tps(self, service: str, stream: str) -> list[TopicPartition]:
        topic = self._names.topic(f"{service}.{stream}")
        return [TopicPartition(topic, number) for number in range(self._settings.partitions)]

    async def _ask_redis(self) -> None:
        views = Views(self._redis, self._names)
        try:
            async with asyncio.timeout(2 * _REDIS_SECONDS):
                for service in self._services:
                    self._views[service] = await views.partitions(service, range(self._settings.partitions))
        except (RedisError, OSError, TimeoutError) as why:
            self.seen.redis_away = type(why).__name__
            # the figures known last stay; who works now isn't known
            for service, known in self._views.items():
                self._views[service] = [replace(view, ready=False) for view in known]
        else:
            self.seen.redis_away = None

    async def _ask_kafka(self) -> None:
        try:
            async with asyncio.timeout(_KAFKA_SECONDS):
                await self._look_at_kafka()
        except (KafkaError, OSError, TimeoutError) as why:
            self.seen.kafka_away = type(why).__name__
            await self._latest.close()
        else:
            self.seen.kafka_away = None

    async def _look_at_kafka(self) -> None:
        topics = self._names.topic
        inputs = [topics(f"{service}.in") for service in self._services]
        events = {topics(f"{service}.events"): _LATEST for service in self._services}
        self._bounds = await self._latest.look(inputs, events)

    def _take(self, _place: TopicPartition, records: list[Record]) -> None:
        known = {event.id for event in self.seen.events}
        fresh = [
            event for record in records if (event := _event(record)) is not None and event.id not in known
        ]
        # of those recorded in the same instant, the one read last is the newest
        newest = sorted([*reversed(fresh), *self.seen.events], key=lambda event: event.at, reverse=True)
        self.seen.events.clear()
        self.seen.events.extend(newest[:_KEPT])


def _event(record: Record) -> Event | None:
    try:
        envelope = orjson.loads(record.value or b"")
        name = name_of(envelope["type"])
        at = milliseconds(envelope["recordedtime"])
        return Event(envelope["id"], at, name, str(envelope["subject"]), summary(name, envelope["data"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # not one of ours: whatever stands there, the view goes on
