"""What can be traded, at which price and on which terms: the compacted topic ``instruments.in``, followed in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from libs.contracts.names import Names
from libs.contracts.versions import INSTRUMENTS, Instrument
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.reader import Record, let_go
from libs.telemetry.one_line import one_line

_POLL_MS: Final = 500
_SHOWN: Final = 200  # characters
_AGAIN: Final = 2.0  # seconds before Kafka is asked again

logger = structlog.get_logger()


class Instruments:
    """The latest record of each symbol, while `follow` runs."""

    def __init__(self, kafka: KafkaAccess, names: Names, partitions: int) -> None:
        self._kafka = kafka
        self._places = [TopicPartition(names.topic(INSTRUMENTS), number) for number in range(partitions)]
        self._known: dict[str, Mapping[str, str]] = {}
        self._whole = False

    def quotes(self, symbols: Iterable[str]) -> dict[str, Mapping[str, str]] | None:
        """Price, step and minimum of those symbols that are known; None as long as the topic was not read through."""
        if not self._whole:
            return None
        return {symbol: self._known[symbol] for symbol in symbols if symbol in self._known}

    async def follow(self) -> None:
        """Keep up with the topic until cancelled; while Kafka is away, what was known last stands."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError) as why:
                logger.warning("instruments can't be read", why=repr(why))
            await asyncio.sleep(_AGAIN)

    async def _follow(self) -> None:
        consumer: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
            **self._kafka.options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            request_timeout_ms=15_000,
        )
        try:
            await consumer.start()
            consumer.assign(self._places)
            await consumer.seek_to_beginning(*self._places)
            ends = await consumer.end_offsets(self._places)
            while True:
                for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                    self._take(records)
                if not self._whole:
                    reached = [await consumer.position(place) >= end for place, end in ends.items()]
                    self._whole = all(reached)
        finally:
            await let_go(consumer)

    def _take(self, records: Iterable[Record]) -> None:
        wrong: list[tuple[str, str]] = []
        for record in records:
            symbol = (record.key or b"").decode(errors="replace")
            if record.value is None:
                self._known.pop(symbol, None)
                continue
            try:
                told = Instrument.model_validate(orjson.loads(record.value))
            except (ValueError, ValidationError) as why:  # what is no instrument changes none
                wrong.append((symbol[:_SHOWN], one_line(why)[:_SHOWN]))
                continue
            if min(Decimal(told.price), Decimal(told.step)) > 0 <= Decimal(told.minimum):
                self._known[told.symbol] = {"price": told.price, "step": told.step, "minimum": told.minimum}
            else:
                wrong.append((told.symbol, "price or step is not above zero"))
        if wrong:
            symbol, reason = wrong[0]
            logger.warning("no instruments", records=len(wrong), first=symbol, why=reason)
