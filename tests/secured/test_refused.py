"""What a process has no business with is refused, by Kafka and by Redis; so is whoever does not show who they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from libs.contracts.names import SERVICES, STREAMS
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.kafka_probe import kafka_answers
from libs.settings import SettingsError
from tests.secured.certificates import made
from tests.secured.clients import access
from tests.secured.rights import Rights, rights
from tests.secured.servers import ADMIN, Secured

pytestmark = [pytest.mark.real, pytest.mark.asyncio]

TOPICS = frozenset(f"{service}.{stream}" for service in SERVICES for stream in STREAMS) | {
    "instruments.in",
    "credentials",
}
USERS = sorted(rights())
# One key of each kind that there is, by what begins it.
KEYS = {f"~{{{service}.*": f"{{{service}.0}}:position" for service in SERVICES} | {
    "~m:*": "m:now:operations",
    "~credentials": "credentials",
    "~rate:*": "rate:x:1",
    "~signature:*": "signature:x",
}


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
async def test_a_user_reads_only_its_topics(secured: Secured, users: Mapping[str, Rights], user: str) -> None:
    kafka, _ = access(secured, user)
    assert await _refused(kafka, TOPICS, write=False) == TOPICS - users[user].reads


@pytest.mark.parametrize("user", USERS)
async def test_a_user_writes_only_its_topics(
    secured: Secured, users: Mapping[str, Rights], user: str
) -> None:
    kafka, _ = access(secured, user)
    foreign = TOPICS - users[user].writes
    assert await _refused(kafka, foreign, write=True) == foreign


@pytest.mark.parametrize("user", USERS)
async def test_a_user_joins_only_its_group_and_makes_no_topic(
    secured: Secured, users: Mapping[str, Rights], user: str
) -> None:
    kafka, _ = access(secured, user)
    admin = AIOKafkaAdminClient(**kafka.options())
    await admin.start()
    try:
        for group in SERVICES:
            if group in users[user].groups:
                await admin.list_consumer_group_offsets(group)
            else:
                with pytest.raises(GroupAuthorizationFailedError):
                    await admin.list_consumer_group_offsets(group)
        made_up = await admin.create_topics([NewTopic("stray", 1, 1)])
        assert [code for _, code, *_ in made_up.topic_errors] == [TopicAuthorizationFailedError.errno]
    finally:
        await admin.close()


@pytest.mark.parametrize("user", [one for one in USERS if rights()[one].keys])
async def test_a_user_touches_only_its_keys(secured: Secured, users: Mapping[str, Rights], user: str) -> None:
    """A key that it may only read it can't write; of the others it is told nothing."""
    mine = users[user].keys
    admin = access(secured, ADMIN)[1].client()
    try:
        for pattern, key in KEYS.items():
            writes = pattern in mine
            reads = writes or any(
                one.startswith("%R~") and key.startswith(one[3:].rstrip("*")) for one in mine
            )
            assert await _allowed(admin, user, "HGET", key, "f") is reads or not _may(users[user], "hget")
            assert await _allowed(admin, user, "DEL", key) is (writes and _may(users[user], "del"))
    finally:
        await admin.aclose()


def _may(user: Rights, command: str) -> bool:
    return command in user.commands


async def _allowed(admin: Redis, user: str, *words: str) -> bool:
    answer = await admin.execute_command("ACL DRYRUN", user, *words)  # type: ignore[no-untyped-call]
    return bool(answer == b"OK")


@pytest.mark.parametrize(
    "words",
    [["FLUSHALL"], ["CONFIG", "GET", "*"], ["KEYS", "*"], ["ACL", "LIST"], ["SHUTDOWN"]],
)
@pytest.mark.parametrize("user", [one for one in USERS if rights()[one].keys])
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
