"""How services do, looked up once in a while: figures from Redis, lag and the latest records from Kafka.

Never waits long: what does not answer is said to be away, and what was known last stays, but for who is at work: that
is told anew whenever it is asked, lest a worker that died look alive until the next answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.contracts.names import Names
from libs.runtime.latest import Bounds, Latest
from libs.views.figures import Figures, Rate, at_work, figures
from libs.views.reading import PartitionView, Views

_REDIS_SECONDS: Final = 3.0
_KAFKA_SECONDS: Final = 3.0
_FOR_KAFKA: Final = 0.5  # seconds that a look waits for Kafka's answer


class Lookout:
    """Looks at services of one namespace; ``followed`` are topics and how many records of a partition a look takes.

    ``kafka_away`` and ``redis_away`` say why Kafka or Redis can't be asked.
    """

    def __init__(
        self,
        redis: Redis,
        latest: Latest,
        names: Names,
        services: Sequence[str],
        partitions: int,
        followed: Mapping[str, int],
    ) -> None:
        self._views = Views(redis, names)
        self._latest = latest
        self._inputs = {service: names.topic(f"{service}.in") for service in services}
        self._partitions = range(partitions)
        self._followed = followed
        self._rates = {service: Rate() for service in services}
        self._rate = dict.fromkeys(services, 0.0)
        self._seen: dict[str, list[PartitionView]] = {}
        self._bounds: Bounds = {}
        self._asking_kafka: asyncio.Task[None] | None = None
        self.redis_away: str | None = None
        self.kafka_away: str | None = None

    async def look(self) -> None:
        """Look once; takes at most some seconds and raises nothing that an absent server would cause.

        Kafka that is slow to answer does not hold up what Redis tells: its answer is seen at a later look.
        """
        if self._asking_kafka is None or self._asking_kafka.done():
            self._asking_kafka = asyncio.create_task(self._ask_kafka())
        await asyncio.gather(self._ask_redis(), asyncio.wait({self._asking_kafka}, timeout=_FOR_KAFKA))
        if self._asking_kafka.done():
            self._asking_kafka.result()
        for service, views in self._seen.items():
            total = sum(view.counters.get("in_total", 0) for view in views)
            self._rate[service] = self._rates[service].add(time.monotonic(), total)

    def partitions(self, service: str, ended: Collection[str] = ()) -> list[PartitionView]:
        """A service's partitions, ready only where a worker is at work; ``ended``: how owners begin that are gone."""
        return at_work(self._seen.get(service, []), time.time() * 1000, ended)

    def bounds(self, service: str) -> list[tuple[int, int]] | None:
        """The first and the next offset of each partition of a service's input; None as long as nobody can tell."""
        topic = self._inputs[service]
        tps = [TopicPartition(topic, number) for number in self._partitions]
        if self.kafka_away or self.redis_away or not all(tp in self._bounds for tp in tps):
            return None
        return [self._bounds[tp] for tp in tps]

    def figures(self, ended: Collection[str] = ()) -> list[Figures]:
        """The figures of each service at this moment."""
        return [self._figures(service, ended) for service in self._inputs]

    async def close(self) -> None:
        """Let the connections to Kafka go."""
        if self._asking_kafka is not None:
            self._asking_kafka.cancel()
            await asyncio.gather(self._asking_kafka, return_exceptions=True)
        await self._latest.close()

    def _figures(self, service: str, ended: Collection[str]) -> Figures:
        views, bounds = self.partitions(service, ended), self.bounds(service)
        away = self.kafka_away or self.redis_away
        rate = 0.0 if away else self._rate[service]  # of what isn't seen nobody knows how fast it is
        return figures(service, views, bounds if views else None, rate)

    async def _ask_redis(self) -> None:
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                for service in self._inputs:
                    self._seen[service] = await self._views.partitions(service, self._partitions)
        except (RedisError, OSError, TimeoutError) as why:
            self.redis_away = type(why).__name__
            # the figures known last stay; who works now isn't known
            for service, known in self._seen.items():
                self._seen[service] = [replace(view, ready=False) for view in known]
        else:
            self.redis_away = None

    async def _ask_kafka(self) -> None:
        try:
            async with asyncio.timeout(_KAFKA_SECONDS):
                self._bounds = await self._latest.look(list(self._inputs.values()), self._followed)
        except (KafkaError, OSError, TimeoutError) as why:
            self.kafka_away = type(why).__name__
            await self._latest.close()
        else:
            self.kafka_away = None
