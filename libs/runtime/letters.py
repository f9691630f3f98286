"""Dead letters as they lie in Kafka: read whole, each once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from libs.ledger.letters import OURS, Letter
from libs.ledger.records import Headers
from libs.runtime.reader import STALLED, Record

_POLL_MS: Final = 500
_POLLED: Final = 500


def letter(record: Record) -> Letter:
    """Read a record of a `.dead` topic; the headers that the worker put first are told from the input's own."""
    headers: Headers = list(record.headers)
    why: dict[str, str] = {}
    for name in OURS:
        if headers and headers[0][0] == name:
            why[name] = (headers.pop(0)[1] or b"").decode(errors="replace")
    return Letter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=headers,
        **{name: why.get(name, "") for name in OURS},
    )


async def read(
    consumer: AIOKafkaConsumer[Any, Any], spans: dict[TopicPartition, tuple[int, int]]
) -> AsyncIterator[Letter]:
    """The letters of some partitions from an offset up to but without another, each partition's in order.

    What a crash made stand twice is given once. Raises KafkaError, TimeoutError; also where nothing comes any more.
    """
    open_spans = {tp: span for tp, span in spans.items() if span[0] < span[1]}
    seen: dict[TopicPartition, set[str]] = {tp: set() for tp in open_spans}
    if not open_spans:
        return
    consumer.assign(list(open_spans))
    for tp, (start, _) in open_spans.items():
        consumer.seek(tp, start)
    at, moved = {tp: start for tp, (start, _) in open_spans.items()}, time.monotonic()
    while open_spans:
        chunks = await consumer.getmany(*open_spans, timeout_ms=_POLL_MS, max_records=_POLLED)
        for tp, records in chunks.items():
            for one in _once(records, open_spans[tp][1], seen[tp]):
                yield one
        async with asyncio.timeout(STALLED):  # the client may be asking where to go on
            now = {tp: await consumer.position(tp) for tp in open_spans}
        if now != at:
            moved = time.monotonic()
        elif time.monotonic() - moved > STALLED:
            places = ", ".join(f"{tp.topic}/{tp.partition}/{offset}" for tp, offset in now.items())
            raise KafkaTimeoutError(f"nothing came from {places} on")
        open_spans = {tp: span for tp, span in open_spans.items() if now[tp] < span[1]}
        at = {tp: now[tp] for tp in open_spans}


def _once(records: Iterable[Record], end: int, seen: set[str]) -> list[Letter]:
    """Letters before ``end`` whose source was not seen yet."""
    fresh = []
    for one in (letter(record) for record in records if record.offset < end):
        if not one.source or one.source not in seen:
            fresh.append(one)
        seen.add(one.source)
    return fresh
