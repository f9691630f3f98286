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

# Seconds to rest where nothing is there, doubled from the first to the last: what a moment of quiet adds to latency.
_FIRST_REST: Final = 0.001
_LAST_REST: Final = 0.01


class Poller:
    """Stands in for a FastStream batch subscriber's ``get_msg``; ``beat`` is the monotonic time of the last round."""

    def __init__(self, failed: Callable[[TopicPartition, Exception], None]) -> None:
        self._failed = failed
        self.beat = time.monotonic()
        self._rest = _FIRST_REST

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
        if found:
            self._rest = _FIRST_REST
        else:
            await asyncio.sleep(self._rest)
            self._rest = min(2 * self._rest, _LAST_REST)
        return tuple(found)
