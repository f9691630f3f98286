"""Whatever is changed behind the workers' back, the oracle names it; what Redis lost, a rebuild brings back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import orjson
import pytest
from redis.asyncio import Redis

from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.producer import make_producer
from libs.runtime.verification.findings import Findings, Kind
from tests.libs.runtime.verification.conftest import AtRest
from tests.real.topics import Push, Stored, append

pytestmark = pytest.mark.real


@dataclass
class Keys:
    """One partition of executions, and an execution in it that has a history and a status."""

    redis: Redis
    prefix: str
    id: str

    @property
    def entity(self) -> str:
        """The projection's key."""
        return f"{self.prefix}execution:{self.id}"


@pytest.fixture
async def keys(at_rest: AtRest) -> AsyncIterator[Keys]:
    """What there is to tamper with."""
    async with Redis.from_url(at_rest.deployment.servers.redis) as redis:
        prefix = at_rest.deployment.names.partition_prefix("executions", 1)
        member = (await redis.zrange(f"{prefix}by:status:settled", 0, 0))[0]
        assert isinstance(member, bytes)
        yield Keys(redis, prefix, member.decode())


async def a_field(k: Keys) -> None:
    await k.redis.hset(k.entity, "status_reason", "other")


async def a_field_of_the_folds_memory(k: Keys) -> None:
    await k.redis.hset(k.entity, "_events", "99")


async def a_field_too_many(k: Keys) -> None:
    await k.redis.hset(k.entity, "stranger", "1")


async def a_field_removed(k: Keys) -> None:
    await k.redis.hdel(k.entity, "disputed")


async def a_history_entry(k: Keys) -> None:
    await k.redis.lset(k.entity + ":log", 0, "{}")


async def a_history_entry_too_many(k: Keys) -> None:
    await k.redis.rpush(k.entity + ":log", "{}")


async def a_history_removed(k: Keys) -> None:
    await k.redis.delete(k.entity + ":log")


async def a_score(k: Keys) -> None:
    await k.redis.zadd(f"{k.prefix}by:status:settled", {k.id: 1})


async def a_member_removed(k: Keys) -> None:
    await k.redis.zrem(f"{k.prefix}by:status:settled", k.id)


async def a_member_too_many(k: Keys) -> None:
    await k.redis.zadd(f"{k.prefix}by:status:settled", {"stranger": 1})


async def a_sorted_set_too_many(k: Keys) -> None:
    await k.redis.zadd(f"{k.prefix}by:status:stranger", {k.id: 1})


async def an_id_forgotten(k: Keys) -> None:
    await k.redis.srem(f"{k.prefix}known", k.id)
    await k.redis.sadd(f"{k.prefix}known", "stranger")


async def an_id_too_many(k: Keys) -> None:
    await k.redis.sadd(f"{k.prefix}known", "stranger")


async def another_count_of_ids(k: Keys) -> None:
    await k.redis.hincrby(f"{k.prefix}position", "_known", 1)


async def an_extra_key(k: Keys) -> None:
    await k.redis.set(f"{k.prefix}stranger", "1")


async def an_extra_entity(k: Keys) -> None:
    await k.redis.hset(f"{k.prefix}execution:stranger", "id", "stranger")


async def a_counter(k: Keys) -> None:
    await k.redis.hincrby(f"{k.prefix}counters", "applied_total", 1)


async def an_entity_removed(k: Keys) -> None:
    await k.redis.delete(k.entity)


async def an_entity_of_another_type(k: Keys) -> None:
    await k.redis.delete(k.entity)
    await k.redis.set(k.entity, "1")


async def a_position_behind(k: Keys) -> None:
    await k.redis.hincrby(f"{k.prefix}position", "input_offset", -3)


async def a_position_ahead(k: Keys) -> None:
    await k.redis.hincrby(f"{k.prefix}position", "input_offset", 1_000_000)
    await k.redis.hincrby(f"{k.prefix}position", "log_offset", 1_000_000)


async def a_log_offset(k: Keys) -> None:
    await k.redis.hincrby(f"{k.prefix}position", "log_offset", -1)


async def a_position_removed(k: Keys) -> None:
    await k.redis.delete(f"{k.prefix}position")


async def everything(k: Keys) -> None:
    await k.redis.flushall()


@pytest.mark.parametrize(
    ("tamper", "kinds"),
    [
        (a_field, {Kind.REDIS_FIELD}),
        (a_field_of_the_folds_memory, {Kind.REDIS_FIELD}),
        (a_field_too_many, {Kind.REDIS_FIELD}),
        (a_field_removed, {Kind.REDIS_FIELD}),
        (a_history_entry, {Kind.REDIS_HISTORY}),
        (a_history_entry_too_many, {Kind.REDIS_HISTORY}),
        (a_history_removed, {Kind.REDIS_HISTORY}),
        (a_score, {Kind.REDIS_INDEX}),
        (a_member_removed, {Kind.REDIS_INDEX}),
        (a_member_too_many, {Kind.REDIS_INDEX}),
        (a_sorted_set_too_many, {Kind.REDIS_EXTRA}),
        (an_id_forgotten, {Kind.REDIS_KNOWN}),
        (an_id_too_many, {Kind.REDIS_KNOWN}),
        (another_count_of_ids, {Kind.REDIS_KNOWN}),
        (an_extra_key, {Kind.REDIS_EXTRA}),
        (an_extra_entity, {Kind.REDIS_EXTRA}),
        (a_counter, {Kind.REDIS_COUNTERS}),
        (an_entity_removed, {Kind.REDIS_ENTITY}),
        (an_entity_of_another_type, {Kind.REDIS_FIELD}),
        (a_position_behind, {Kind.REDIS_POSITION}),
        (a_position_ahead, {Kind.REDIS_POSITION}),
        (a_log_offset, {Kind.REDIS_POSITION}),
        (a_position_removed, {Kind.REDIS_POSITION}),
        (
            everything,
            {
                Kind.REDIS_POSITION,
                Kind.REDIS_COUNTERS,
                Kind.REDIS_ENTITY,
                Kind.REDIS_INDEX,
                Kind.REDIS_KNOWN,
            },
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_redis(
    at_rest: AtRest, keys: Keys, tamper: Callable[[Keys], Awaitable[None]], kinds: set[Kind]
) -> None:
    """Exactly what was changed is named, and after a rebuild nothing is."""
    await tamper(keys)
    found = await at_rest.verify()
    assert set(found.counts) == kinds, found
    if tamper is not everything:
        assert found.counts.total() == 1, found
        one = found.first[next(iter(kinds))][0]
        assert one.partition == 1
    await at_rest.rebuild()
    if tamper is everything:
        await at_rest.rebuild("operations")
    assert not (await at_rest.verify()).counts


def altered(record: Stored, **fields: object) -> bytes:
    """The record's JSON with some of its members changed."""
    return orjson.dumps({**orjson.loads(record.value or b""), **fields})


@pytest.fixture(scope="module")
def genuine(at_rest: AtRest) -> dict[str, dict[int, Stored]]:
    """The last record of each topic and partition, before anything is forged."""

    async def last(stream: str) -> dict[int, Stored]:
        runs = await at_rest.deployment.read(f"operations.{stream}")
        return {partition: records[-1] for partition, records in runs.items()}

    return {stream: asyncio.run(last(stream)) for stream in ("log", "events", "state", "dead")}


@pytest.mark.parametrize(
    ("stream", "forge", "kind"),
    [
        pytest.param("state", lambda one: altered(one, status="x"), Kind.STATE_DIFFERS, id="another state"),
        pytest.param("state", lambda one: None, Kind.STATE_MISSING, id="a tombstone in state"),
        pytest.param(
            "events",
            lambda one: altered(one, sequence=1_000),
            Kind.EVENTS_UNCAUSED,
            id="an event of no cause",
        ),
        pytest.param("events", lambda one: b"rubbish", Kind.EVENTS_UNCAUSED, id="an event that is none"),
        pytest.param("events", lambda one: altered(one, time="x"), Kind.EVENTS_DIFFERS, id="another double"),
        pytest.param("dead", lambda one: b"other", Kind.DEAD_DIFFERS, id="another dead letter"),
        pytest.param(
            "log", lambda one: altered(one, verdict="late"), Kind.LOG_DOUBLE_DIFFERS, id="log double"
        ),
        pytest.param("log", lambda one: b"rubbish", Kind.LOG_UNREADABLE, id="a log record that is none"),
        pytest.param(
            "log",
            lambda one: altered(one, previousinputoffset=10**6, inputoffset=10**6 + 1),
            Kind.LOG_UNREACHABLE,
            id="a log record ahead of a hole",
        ),
        pytest.param(
            "log",
            lambda one: altered(
                one, previousinputoffset=orjson.loads(one.value or b"")["inputoffset"], inputoffset=10**6
            ),
            Kind.LOG_UNCAUSED,
            id="a log record of no input",
        ),
    ],
)
async def test_kafka(
    at_rest: AtRest,
    genuine: dict[str, dict[int, Stored]],
    stream: str,
    forge: Callable[[Stored], bytes | None],
    kind: Kind,
) -> None:
    """A forged record is named; what stands in Kafka stays there, so that each adds to those before."""
    before = await at_rest.verify("operations")
    deployment = at_rest.deployment
    partition = 1 if kind is Kind.STATE_MISSING else 0
    last = genuine[stream][partition]
    producer = make_producer(KafkaAccess(deployment.servers.kafka), "forger")
    await producer.start()
    try:
        forged = Push(deployment.topic(f"operations.{stream}"), forge(last), last.key, last.headers)
        await append(producer, forged.topic, partition, [forged])
    finally:
        await producer.stop()
    assert news(before, await at_rest.verify("operations")) >= {kind}


def news(before: Findings, after: Findings) -> set[Kind]:
    """The kinds of which there are more."""
    return {kind for kind, count in after.counts.items() if count > before.counts[kind]}
