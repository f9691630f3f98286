"""Whether a subject does the worker's work: both have the same input, and what they write to Kafka has to be alike."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from libs.contracts.names import Names
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import CONFIGS, create_topics
from tests.bench import mixed
from tests.bench.arena import Arena, arena
from tests.bench.mixed import Sent
from tests.bench.process import BenchFailed, Program
from tests.bench.subject import WORKER, Subject
from tests.bench.workload import PARTITIONS
from tests.real.topics import Stored, read

_NAMES: Final = Names("same")  # for both, each on servers of its own: ids are made of the input topic's name
_INPUT: Final = _NAMES.topic("executions.in")
_EPOCH: Final = 1_780_080_000_000  # ms; records are given their times, for the broker's would differ
_APART: Final = 1_234  # ms
_PATIENCE: Final = 60.0  # seconds
_LOOK: Final = 0.2  # seconds
_SHOWN: Final = 700  # characters
_CONTENT_TYPE: Final = "content-type"  # the header that readers of events and states rely on
_PROSE: Final = "detail"  # the header of a dead letter that is for people, in whatever words

Written = dict[str, list[Any]]


async def compare(subject: Subject) -> dict[str, int]:
    """How many records were alike, by topic. Raises BenchFailed, showing the first that isn't."""
    ours, theirs = await _written(WORKER), await _written(subject)
    for topic, expected in ours.items():
        found = theirs[topic]
        for one, other in zip_longest(expected, found):
            if one != other:
                raise BenchFailed(
                    f"{subject.title} does other work than {WORKER.title}: {topic} has {len(found)} records where"
                    f" {len(expected)} are due, first\n  {str(other)[:_SHOWN]}\ninstead of\n  {str(one)[:_SHOWN]}"
                )
    return {topic: len(records) for topic, records in ours.items()}


async def _written(subject: Subject) -> Written:
    async with arena() as place:
        await _create_topics(place)
        sent, copies, last = mixed.folded_and_refused(), mixed.misplaced(), mixed.last()
        await _send(place, [*sent, *copies], 0)
        log = place.folder / "subject.log"
        program = Program(subject.argv, place.environment(_NAMES.namespace), log)
        try:
            await _came(place, program, "executions.in", len(sent) + 2 * len(copies))
            await _send(place, last, len(sent) + len(copies))
            await _knows(place, program, {one.key for one in last})
        finally:
            program.stop()  # both finish what they have in hand
        return await _read(place)


async def _create_topics(place: Arena) -> None:
    """As the worker would, but that the input's records keep the times that they are sent with."""
    config = {**CONFIGS["in"], "message.timestamp.type": "CreateTime"}
    admin = AIOKafkaAdminClient(bootstrap_servers=place.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(_INPUT, PARTITIONS, 1, topic_configs=config)])
    finally:
        await admin.close()
    await create_topics(KafkaAccess(place.kafka), _NAMES, ("executions", "operations"), PARTITIONS, 1)


async def _send(place: Arena, records: Sequence[Sent], number: int) -> None:
    """Append records, the first of which is the input's ``number``-th: by that they have their times."""
    producer = AIOKafkaProducer(bootstrap_servers=place.kafka, max_request_size=2 * 1024 * 1024)
    await producer.start()
    try:
        for at, (partition, key, value, headers) in enumerate(records, number):
            time_ms = _EPOCH + at * _APART
            await producer.send_and_wait(_INPUT, value, key, partition, time_ms, list(headers))
    finally:
        await producer.stop()


async def _came(place: Arena, program: Program, topic: str, count: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while (there := sum((await place.ends(_NAMES.topic(topic))).values())) < count:
        program.check()
        if time.monotonic() > deadline:
            raise BenchFailed(f"{topic} stands at {there} of {count} records\n{program.tail()}")
        await asyncio.sleep(_LOOK)


async def _knows(place: Arena, program: Program, keys: set[bytes | None]) -> None:
    """Wait until these executions have their states."""
    deadline = time.monotonic() + _PATIENCE
    while missing := keys - {one.key for one in await _records(place, "executions.state")}:
        program.check()
        if time.monotonic() > deadline:
            raise BenchFailed(f"executions.state lacks {len(missing)} executions\n{program.tail()}")
        await asyncio.sleep(_LOOK)


async def _records(place: Arena, topic: str) -> list[Stored]:
    """All of a topic, partition by partition."""
    found = await read(place.kafka, _NAMES.topic(topic), PARTITIONS)
    return [one for records in found.values() for one in records]


async def _read(place: Arena) -> Written:
    """What was written, in a form that doesn't depend on how much was done at a time."""
    states = {
        one.key: one for one in await _records(place, "executions.state")
    }  # the latest: it is compacted
    notices = await _records(place, "operations.in")  # those of several partitions meet there in any order
    forwarded = [one for one in await _records(place, "executions.in") if _forwarded(one)]
    return {
        "executions.events": [_said(one) for one in await _records(place, "executions.events")],
        "executions.state": [_said(one) for _, one in sorted(states.items(), key=str)],
        "operations.in": sorted((_said(one) for one in notices), key=str),
        "executions.dead": [_letter(one) for one in await _records(place, "executions.dead")],
        "executions.in": sorted((_letter(one) for one in forwarded), key=str),
    }


def _said(one: Stored) -> tuple[Any, ...]:
    assert one.value is not None
    kind = dict(one.headers).get(_CONTENT_TYPE)
    return one.partition, one.key, json.loads(one.value, parse_float=str, parse_int=str), kind


def _letter(one: Stored) -> tuple[Any, ...]:
    headers = [header for header in one.headers if header[0] != _PROSE]
    return one.partition, one.key, headers, one.value


def _forwarded(one: Stored) -> bool:
    return any(name == "forwarded-from" and value != b"nowhere/9/9" for name, value in one.headers)
