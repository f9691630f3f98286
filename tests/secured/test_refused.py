"""What a process has no business with is refused, by Kafka and by Redis; so is whoever does not show who they are."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from libs.contracts.names import SERVICES, STREAMS
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.kafka_probe import kafka_answers
from libs.settings import SettingsError
from tests.secured.business import BUSINESS, KEYS, OF_REDIS
from tests.secured.certificates import made
from tests.secured.clients import access
from tests.secured.grants import granted, granted_to_anybody, only_reads, touched
from tests.secured.servers import ADMIN, Secured

pytestmark = [pytest.mark.real, pytest.mark.asyncio]

TOPICS = frozenset(f"{service}.{stream}" for service in SERVICES for stream in STREAMS) | {
    "instruments.in",
    "credentials",
}
USERS = sorted(BUSINESS)


def _batch() -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 10_000)
    builder.append(0, round(time.time() * 1000), b"key", b"{}", [])
    return bytes(builder.build())


async def _refused(kafka: KafkaAccess, topics: frozenset[str], write: bool) -> set[str]:
    """Those of the topics that the broker won't let this user read, or write."""
    client = AIOKafkaClient(**kafka.options())
    await client.bootstrap()
    try:
        request: Any
        if write:
            request = ProduceRequest(None, -1, 5_000, [(one, [(0, _batch())]) for one in sorted(topics)])
        else:
            places = [(one, [(0, 0, 1_000)]) for one in sorted(topics)]
            request = FetchRequest(10, 0, 1_000_000, 0, places)
        answer = await client.send(client.get_random_node(), request)
    finally:
        await client.close()
    # of each topic its name, and of its partition the number and how it went
    went = {name: partitions[0][1] for name, partitions in answer.topics}
    return {name for name, code in went.items() if code == TopicAuthorizationFailedError.errno}


@pytest.mark.parametrize("user", USERS)
async def test_a_user_reads_only_its_topics(secured: Secured, user: str) -> None:
    kafka, _ = access(secured, user)
    assert await _refused(kafka, TOPICS, write=False) == TOPICS - BUSINESS[user].reads


@pytest.mark.parametrize("user", USERS)
async def test_a_user_writes_only_its_topics(secured: Secured, user: str) -> None:
    kafka, _ = access(secured, user)
    foreign = TOPICS - BUSINESS[user].writes
    assert await _refused(kafka, foreign, write=True) == foreign


@pytest.mark.parametrize("user", USERS)
async def test_a_user_joins_only_its_group_and_makes_no_topic(secured: Secured, user: str) -> None:
    kafka, _ = access(secured, user)
    admin = AIOKafkaAdminClient(**kafka.options())
    await admin.start()
    try:
        for group in SERVICES:
            if group in BUSINESS[user].groups:
                await admin.list_consumer_group_offsets(group)
            else:
                with pytest.raises(GroupAuthorizationFailedError):
                    await admin.list_consumer_group_offsets(group)
        made_up = await admin.create_topics([NewTopic("stray", 1, 1)])
        assert [code for _, code, *_ in made_up.topic_errors] == [TopicAuthorizationFailedError.errno]
    finally:
        await admin.close()


@pytest.mark.parametrize("user", OF_REDIS)
async def test_a_user_has_only_its_commands_of_redis(secured: Secured, user: str) -> None:
    """Of all that the server has, beside those that any connection needs."""
    admin = access(secured, ADMIN)[1].client()
    try:
        assert await granted(admin, user) == _commands(secured, user) | await granted_to_anybody(admin)
    finally:
        await admin.aclose()


@pytest.mark.parametrize("user", OF_REDIS)
async def test_a_user_touches_only_its_keys(secured: Secured, user: str) -> None:
    """With none of its commands another's; and what it may only read, with none that may write."""
    own = BUSINESS[user]
    admin = access(secured, ADMIN)[1].client()
    try:
        found = await touched(admin, user, _commands(secured, user), KEYS)
        reading = {command for command in found if await only_reads(admin, command)}
    finally:
        await admin.aclose()
    assert reading, "or nothing would be said of the keys that it reads"
    assert reading < set(found) or not own.keys_written
    read = own.keys_read | own.keys_written
    assert found == {command: read if command in reading else own.keys_written for command in found}


def _commands(secured: Secured, user: str) -> frozenset[str]:
    own = BUSINESS[user]
    return own.commands | (own.series if secured.series else frozenset())


async def test_who_has_no_business_with_redis_is_no_user_of_it(secured: Secured) -> None:
    admin = access(secured, ADMIN)[1].client()
    try:
        assert set(await admin.acl_users()) == {"default", ADMIN, *OF_REDIS}
    finally:
        await admin.aclose()


@pytest.mark.parametrize(
    "words",
    [["FLUSHALL"], ["CONFIG", "GET", "*"], ["KEYS", "*"], ["ACL", "LIST"], ["SHUTDOWN"]],
)
@pytest.mark.parametrize("user", OF_REDIS)
async def test_nobody_rules_over_redis(secured: Secured, user: str, words: list[str]) -> None:
    redis = access(secured, user)[1].client()
    try:
        with pytest.raises(NoPermissionError):
            await redis.execute_command(*words)  # type: ignore[no-untyped-call]
    finally:
        await redis.aclose()


async def test_who_shows_no_user_or_a_wrong_password_gets_in_nowhere(secured: Secured) -> None:
    assert await kafka_answers(access(secured, "operations")[0])
    assert not await kafka_answers(access(secured, "operations", KAFKA_PASSWORD="wrong")[0])
    plain = f"rediss://localhost:{secured.redis_port}/0"
    wrong = f"rediss://operations:wrong@localhost:{secured.redis_port}/0"
    for url in (plain, wrong):
        redis = access(secured, "operations", REDIS=url)[1].client()
        try:
            with pytest.raises(AuthenticationError):
                await redis.hget("{operations.0}:position", "ready")
        finally:
            await redis.aclose()


async def test_a_client_talks_to_no_server_whose_certificate_nobody_it_trusts_has_signed(
    secured: Secured, tmp_path: Any
) -> None:
    stranger = str(made(tmp_path).authority)
    kafka, redis_access = access(secured, "operations", KAFKA_CA=stranger, REDIS_CA=stranger)
    assert not await kafka_answers(kafka)
    redis = redis_access.client()
    try:
        with pytest.raises(RedisError, match="CERTIFICATE_VERIFY_FAILED"):
            await redis.ping()
    finally:
        await redis.aclose()


async def test_in_the_clear_nobody_is_answered(secured: Secured) -> None:
    assert not await kafka_answers(KafkaAccess(f"localhost:{secured.kafka_port}"))
    reader, writer = await asyncio.open_connection("localhost", secured.redis_port)
    writer.write(b"PING\r\n")
    with suppress(OSError):  # cut off at once, by some
        assert b"PONG" not in await reader.read(100)
    writer.close()
    with pytest.raises(SettingsError):
        access(secured, "operations", KAFKA_SECURITY="PLAINTEXT")
