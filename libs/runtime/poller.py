"""Polling the consumer one partition at a time, so that one that can't be read takes nothing from the others.

aiokafka's ``getmany`` over several partitions drops what it drained from the first when a later one raises, and
FastStream's loop would make all of them wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalStateError

_IDLE: Final = 0.01  # seconds; what a quiet moment adds to latency


class Poller:
    """Stands in for a FastStream batch subscriber's ``get_msg``; ``beat`` is the monotonic time of the last round."""

    def __init__(self, failed: Callable[[TopicPartition, Exception], None]) -> None:
        self._failed = failed
        self.beat = time.monotonic()

    async def __call__(self, consumer: AIOKafkaConsumer) -> tuple[Any, ...]:
        """What there is to read now; empty after a short rest if there is nothing."""
        found: list[Any] = []
        for tp in consumer.assignment() - consumer.paused():
            try:
                found.extend((await consumer.getmany(tp, timeout_ms=0)).get(tp, ()))
            except ConsumerStoppedError:
                raise
            except IllegalStateError:
                continue  # revoked meanwhile
            except Exception as why:  # noqa: BLE001  # whatever it is, it is this partition's alone
                self._failed(tp, why)
        self.beat = time.monotonic()
        if not found:
            await asyncio.sleep(_IDLE)
        return tuple(found)
