"""All partitions of one service compared, and what they owe to other input topics."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.contracts.names import STREAMS, Names
from libs.ledger.aggregate import Aggregate
from libs.runtime.header_keys import tolerate
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.kafka_probe import kafka_answers
from libs.runtime.reader import partition_reader
from libs.runtime.topics import kept_since
from libs.runtime.verification.debts import Beginning, DebtBook
from libs.runtime.verification.findings import Findings
from libs.runtime.verification.fingerprint import of_record
from libs.runtime.verification.follower import Progress, Unanswered, Unfoldable, steadily
from libs.runtime.verification.partition_check import Deployment, PartitionCheck
from libs.runtime.verification.redis_check import WentBack
from libs.runtime.verification.snapshot import WrongType
from libs.telemetry.one_line import one_line
from libs.views.redis_access import RedisAccess

S = TypeVar("S")

_TRIES: Final = 3
_MEMBERS: Final = 5  # where a group's description has them


class CouldNotCheck(Exception):
    """Kafka or Redis does not answer, or there is nothing to compare."""


class Oracle:
    """Verifies services of one deployment; use it within ``opened``."""

    def __init__(
        self,
        kafka: KafkaAccess,
        redis: Redis,
        admin: AIOKafkaAdminClient,
        names: Names,
        partitions: int,
        history: int,
    ) -> None:
        self._kafka = kafka
        self._redis = redis
        self._admin = admin
        self._names = names
        self._partitions = partitions
        self._history = history
        self._topics: dict[str, int] = {}

    async def has_topics(self, service: str) -> bool:
        """Whether the service's topics were ever made.

        Raises CouldNotCheck where some are there and some are not, or none though Redis knows of the service.
        """
        await self._describe_topics()
        wanted = [self._names.topic(f"{service}.{stream}") for stream in STREAMS]
        missing = [topic for topic in wanted if topic not in self._topics]
        if missing and len(missing) < len(wanted):
            raise CouldNotCheck(f"there is no topic {', '.join(missing)}")
        for topic in wanted:
            if not missing and self._topics[topic] != self._partitions:
                raise CouldNotCheck(
                    f"topic {topic} has {self._topics[topic]} partitions,"
                    f" but STRATAFOLD_PARTITIONS is {self._partitions}"
                )
        if missing:
            await self._make_sure_unknown(service)
        return not missing

    async def _make_sure_unknown(self, service: str) -> None:
        for partition in range(self._partitions):
            if await self._redis.exists(self._names.position(service, partition)):
                raise CouldNotCheck(
                    f"{service} has no topics here, but Redis has a position of its partition {partition}"
                )

    async def check(self, aggregate: Aggregate[S], wait: float, progress: Progress) -> Findings:
        """Compare everything of a service. Raises CouldNotCheck."""
        await self._describe_topics()
        findings, debts = Findings(), DebtBook()
        deployment = Deployment(
            aggregate=aggregate,
            names=self._names,
            kafka=self._kafka,
            redis=self._redis,
            partitions=self._partitions,
            history=self._history,
            wait=wait,
            works=lambda: self._works(aggregate.service),
            progress=progress,
        )
        for partition in range(self._partitions):
            found, owed = await self._check_partition(deployment, partition)
            findings.merge(found)
            debts.absorb(owed)
        await self._settle(debts, findings, progress)
        return findings

    async def _check_partition(self, deployment: Deployment[S], partition: int) -> tuple[Findings, DebtBook]:
        """What was found and what is owed; all else of a partition is forgotten before the next one is read."""
        for _ in range(_TRIES):
            check = PartitionCheck(deployment, partition)
            try:
                await check.run()
            except WentBack:
                continue
            return check.findings, check.debts
        busy = Findings()
        busy.unchecked.append(
            f"{deployment.aggregate.service} partition {partition}: busy, Redis went back while it was read"
        )
        return busy, DebtBook()

    async def _settle(self, debts: DebtBook, findings: Findings, progress: Progress) -> None:
        """Look for what is owed: read last, so that it has had its time to arrive."""
        for topic, partition in debts.places():
            name = self._names.topic(topic)
            if self._topics.get(name, 0) <= partition:
                findings.unchecked.append(f"what is owed to {topic}: it has no partition {partition}")
                continue
            wanted, found, since = debts.prints(topic, partition), set[int](), None
            async with partition_reader(self._kafka, name, partition) as reader:
                begin, end = await reader.bounds()
                progress.expect(end - begin)
                async for chunk in steadily(reader.read(begin, end)):
                    if since is None:
                        since = chunk[0].timestamp
                    found.update(mark for record in chunk if (mark := of_record(record)) in wanted)
                    progress.done(len(chunk))
            beginning = None if begin == 0 else Beginning(since, kept_since("in", _now()) or 0)
            debts.settle(topic, partition, found, beginning, findings)

    async def _describe_topics(self) -> None:
        if not self._topics:
            descriptions = await self._admin.describe_topics()
            self._topics = {one["topic"]: len(one["partitions"]) for one in descriptions}

    async def _works(self, service: str) -> bool:
        """Whether the service's group has a worker; one that was killed is a member until its session ends."""
        try:
            answers = await self._admin.describe_consumer_groups([self._names.group(service)])
        except GroupCoordinatorNotAvailableError:
            return False  # a cluster that never had a group
        return any(group[_MEMBERS] for answer in answers for group in answer.groups)


@asynccontextmanager
async def opened(
    kafka: KafkaAccess, redis_access: RedisAccess, names: Names, partitions: int, history: int
) -> AsyncIterator[Oracle]:
    """Connect. Raises CouldNotCheck, also for what goes wrong on the way."""
    tolerate()
    if not await kafka_answers(kafka):
        raise CouldNotCheck(f"Kafka does not answer at {kafka.servers}")
    redis = redis_access.client(socket_timeout=30, socket_connect_timeout=5)
    try:
        await redis.ping()
        admin = AIOKafkaAdminClient(**kafka.options())
        await admin.start()
        try:
            yield Oracle(kafka, redis, admin, names, partitions, history)
        finally:
            await admin.close()
    except (RedisError, WrongType) as why:
        raise CouldNotCheck(f"Redis: {why}") from why
    except Unfoldable as why:
        raise CouldNotCheck(str(why)) from why
    except (KafkaError, Unanswered, OSError) as why:
        raise CouldNotCheck(f"Kafka: {one_line(why)}") from why
    finally:
        await redis.aclose()


def _now() -> int:
    return round(time.time() * 1000)
