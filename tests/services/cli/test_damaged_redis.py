"""The commands against a Redis that holds what no worker wrote: one line that says so, status 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from tests.services.cli.command import Ended, run

pytestmark = pytest.mark.real

ID = "663a258c-5e7c-456f-9759-73e02db8b5d9"
PARTITION = partition_of(ID, 6)
Hash = Mapping[Any, Any]


def _run(redis_url: str, namespace: str, *words: str) -> Ended:
    settings = {"STRATAFOLD_REDIS": redis_url, "STRATAFOLD_NAMESPACE": namespace}
    return run(settings, *words, "execution", ID)


@pytest.mark.parametrize(
    ("position", "fields"),
    [
        ({"ready": "0"}, {"id": ID, "instructions": b"\xff"}),
        ({"input_offset": "many"}, {"id": ID}),
        ({}, {"id": ID}),
    ],
)
async def test_a_hash_that_holds_anything_is_said_to_be_damaged(
    redis_url: str, namespace: str, position: Hash, fields: Hash
) -> None:
    """The entity's own, or its partition's position."""
    names = Names(namespace)
    async with Redis.from_url(redis_url) as redis:
        if position:
            await redis.hset(names.position("executions", PARTITION), mapping=position)
        await redis.hset(names.entity("executions", PARTITION, ID), mapping=fields)
    ended = _run(redis_url, namespace, "show")
    assert (ended.status, ended.out) == (2, b"")
    *before, line = ended.err.splitlines()
    assert "is damaged" in line
    assert all("not ready" in one for one in before)


@pytest.mark.parametrize("more", [(), ("--json",)])
async def test_a_record_of_a_history_that_holds_anything_is_said_to_be_damaged(
    redis_url: str, namespace: str, more: tuple[str, ...]
) -> None:
    names = Names(namespace)
    async with Redis.from_url(redis_url) as redis:
        await redis.hset(names.entity("executions", PARTITION, ID), mapping={"id": ID})
        await redis.rpush(names.history("executions", PARTITION, ID), b'{"inputoffset":5,"data":{}}')
    ended = _run(redis_url, namespace, "history", *more)
    assert (ended.status, ended.out) == (2, b"")
    *before, line = ended.err.splitlines()
    assert f"the history of {ID} in Redis is damaged (record 1: " in line
    assert all("not ready" in one for one in before)


async def test_a_history_that_is_gone_is_no_history_in_which_nothing_happened(
    redis_url: str, namespace: str
) -> None:
    """Whoever has a projection has a history."""
    async with Redis.from_url(redis_url) as redis:
        await redis.hset(Names(namespace).entity("executions", PARTITION, ID), mapping={"id": ID})
    ended = _run(redis_url, namespace, "history")
    assert (ended.status, ended.out) == (2, b"")
    assert f"the history of {ID} in Redis is damaged" in ended.err
