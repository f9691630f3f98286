"""Polling the consumer one partition at a time, so that one that can't be read takes nothing from the others.

aiokafka's ``getmany`` over several partitions drops what it drained from the first when a later one raises, and
FastStream's loop would make all of them wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from itertools import chain
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError

_WAIT: Final = 0.02  # seconds for records to come; a partition that is resumed meanwhile waits for so long
_CAREFUL: Final = (
    60.0  # seconds at most after a failure of nobody knows whom, until it comes again where it belongs
)

Found = dict[TopicPartition, list[Any]]  # records by their partition


class Poller:
    """Stands in for a FastStream batch subscriber's ``get_msg``; ``beat`` is the monotonic time of the last round."""

    def __init__(self, failed: Callable[[TopicPartition, Exception], None]) -> None:
        self._failed = failed
        self.beat = time.monotonic()
        self._careful_until = 0.0

    async def __call__(self, consumer: AIOKafkaConsumer) -> tuple[Any, ...]:
        """What there is to read now, partition by partition in order; empty after a short wait if there is nothing."""
        wanted = consumer.assignment() - consumer.paused()
        found = await self._drain(consumer, wanted)
        if not found:
            found = await self._first(consumer, wanted)
            if found:
                for tp, more in (await self._drain(consumer, wanted)).items():
                    found[tp] = [*found.get(tp, ()), *more]
        self.beat = time.monotonic()
        return tuple(chain.from_iterable(found.values()))

    async def _drain(self, consumer: AIOKafkaConsumer, wanted: Iterable[TopicPartition]) -> Found:
        """What was fetched, partition by partition: a failure is that partition's alone."""
        found: Found = {}
        for tp in wanted:
            try:
                found |= await consumer.getmany(tp, timeout_ms=0)
            except ConsumerStoppedError:
                raise
            except Exception as why:  # noqa: BLE001  # whatever it is, it is this partition's alone
                self._careful_until = 0.0
                self._failed(tp, why)
        return found

    async def _first(self, consumer: AIOKafkaConsumer, wanted: Collection[TopicPartition]) -> Found:
        """The first record to come of any partition: just one, so that a failure finds nothing drained before."""
        if not wanted or time.monotonic() < self._careful_until:
            await asyncio.sleep(_WAIT)
            return {}
        try:
            found: Found = await consumer.getmany(*wanted, timeout_ms=round(_WAIT * 1000), max_records=1)
        except ConsumerStoppedError:
            raise
        except Exception:  # noqa: BLE001  # nobody says whose it is
            self._careful_until = time.monotonic() + _CAREFUL
            return {}
        return found
