"""Redis made anew from the log, with nothing published again; the worker may run or not.

A lease keeps workers out meanwhile. It is short and renewed: a rebuild that is killed lets the worker in soon,
which goes on from wherever the rebuild had come.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar
from uuid import uuid4

import structlog
from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import Origin
from libs.runtime.entities import ENTITIES, EntityCache
from libs.runtime.failpoints import Failpoint
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.kafka_probe import kafka_answers
from libs.runtime.ledger import open_ledger
from libs.runtime.patience import Patience
from libs.runtime.reasons import in_words
from libs.runtime.recovery import Recovery, Unpublished
from libs.views.ownership import Behind, BeingRebuilt, Damaged, NotOurs, Ownership
from libs.views.store import PartitionStore

S = TypeVar("S")

LEASE_MS: Final = 15_000
_RENEW: Final = 4.0  # seconds
_AT_ONCE: Final = 2  # partitions: one folds while Redis writes the other's
_DEADLINE: Final = 60.0  # seconds
_HELD_UP: Final = (
    1.0  # seconds between two looks at whether another rebuild is over, or a worker did the rest
)
_WORKER_COMES: Final = 15  # of these looks: more than a worker waits that lost its partition
_TRIES: Final = 5

logger = structlog.get_logger()


class Interrupted(Exception):
    """Somebody else took the partition again and again, or Redis forgot it or had it damaged while it was written."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A partition as it stands: the log records read, and the input offset up to which Redis is written (-1 = none).

    It is not ``complete`` where a worker was stopped amid a batch: one has to publish the rest before it is written.
    """

    partition: int
    records: int
    input_offset: int
    complete: bool


class Rebuild(Generic[S]):
    """Rebuilds partitions of one service; ``progress`` is told how many log records were read."""

    def __init__(
        self,
        aggregate: Aggregate[S],
        names: Names,
        kafka: KafkaAccess,
        redis: Redis,
        history: int,
        progress: Callable[[int], None],
    ) -> None:
        self._aggregate = aggregate
        self._names = names
        self._kafka = kafka
        self._redis = redis
        self._history = history
        self._progress = progress
        self._owner = f"rebuild-{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._patience = Patience(lambda: kafka_answers(kafka), _DEADLINE)

    async def run(self, partitions: int) -> list[Rebuilt]:
        """Rebuild all partitions; waits while Redis is away. One that fails keeps no other from its end.

        Raises DamagedLog, Interrupted, PositionDamaged, Stuck, KafkaError: the first of those that failed, with a note
        that says how many did if there are several.
        """
        turns = asyncio.Semaphore(_AT_ONCE)

        async def in_turn(partition: int) -> Rebuilt:
            async with turns:
                return await self.partition(partition)

        ended = await asyncio.gather(*map(in_turn, range(partitions)), return_exceptions=True)
        failed = [one for one in ended if isinstance(one, BaseException)]
        if len(failed) > 1:
            failed[0].add_note(f"{len(failed)} of {partitions} partitions failed")
        if failed:
            raise failed[0]
        return [one for one in ended if isinstance(one, Rebuilt)]

    async def partition(self, number: int) -> Rebuilt:
        """Rebuild one partition; another rebuild of it is waited for."""
        store = PartitionStore(self._redis, self._names, self._aggregate.service, number, self._history)
        reason = ""
        for _ in range(_TRIES):
            own = await self._take(store)
            try:
                rebuilt = await self._held(store, own, number)
                return rebuilt if rebuilt.complete else await self._left_to_a_worker(store, rebuilt)
            except (NotOurs, Behind, Damaged) as why:
                reason = in_words(why)
                logger.warning("beginning again", partition=number, why=reason)
        raise Interrupted(
            f"{self._aggregate.service} partition {number}: given up after {_TRIES} tries: {reason}"
        )

    async def _left_to_a_worker(self, store: PartitionStore, rebuilt: Rebuilt) -> Rebuilt:
        """Wait a while for one that goes on, as from whom we took the partition amid a batch."""
        for _ in range(_WORKER_COMES):
            await asyncio.sleep(_HELD_UP)
            input_offset, log_offset = await self._patience.redis("see how far it is written", store.reached)
            if log_offset >= rebuilt.records - 1:
                return replace(rebuilt, input_offset=input_offset, complete=True)
        return rebuilt

    async def _take(self, store: PartitionStore) -> Ownership:
        while True:
            try:
                return await self._patience.redis(
                    "take the partition", lambda: store.take(self._owner, LEASE_MS)
                )
            except BeingRebuilt:
                await asyncio.sleep(_HELD_UP)

    async def _held(self, store: PartitionStore, own: Ownership, number: int) -> Rebuilt:
        """Refold under the lease; whatever the end, workers are let in."""
        work = asyncio.create_task(self._refold(store, own, number))
        renewal = asyncio.create_task(self._renew(store, own))
        try:
            await asyncio.wait({work, renewal}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await renewal
            rebuilt = await work
        finally:
            for task in (work, renewal):
                task.cancel()
            await asyncio.gather(work, renewal, return_exceptions=True)
            with suppress(NotOurs, Behind):
                await self._patience.redis("let workers in", lambda: store.hold(own, 0))
        return rebuilt

    async def _renew(self, store: PartitionStore, own: Ownership) -> None:
        while True:
            await asyncio.sleep(_RENEW)
            await self._patience.redis("keep workers out", lambda: store.hold(own, LEASE_MS))

    async def _refold(self, store: PartitionStore, own: Ownership, number: int) -> Rebuilt:
        topic = self._names.topic(f"{self._aggregate.service}.in")
        origin = Origin(self._aggregate.service, topic, number)
        published = own.input_offset  # Redis is written last
        await self._patience.redis("clear the partition", lambda: store.clear(own))
        async with open_ledger(self._kafka, self._names, self._aggregate.service, number) as ledger:
            recovery = Recovery(
                self._aggregate,
                origin,
                store,
                ledger,
                None,
                EntityCache(ENTITIES),
                self._patience,
                Failpoint(),
                self._progress,
            )
            end, complete = -1, False
            # A worker may have logged a batch that Redis then refused: it counts, so the log is read to a standstill.
            with suppress(Unpublished):  # a worker that was stopped amid a batch has to publish it first
                while (now := (await ledger.log_bounds())[1]) > end:
                    end = now
                    own.counters = (await recovery.run(own, published=published)).counters
                complete = True
        return Rebuilt(number, end, own.input_offset, complete)
