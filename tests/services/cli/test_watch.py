"""What `up` shows of who is at work: true at the moment it is shown, whoever keeps the view waiting."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.settings import Settings
from services.cli.watch import Watch
from tests.stack import Servers

pytestmark = pytest.mark.real


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a Kafka that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
async def redis(shared_servers: Servers) -> AsyncIterator[Redis]:
    """Redis."""
    async with Redis.from_url(shared_servers.redis) as client:
        yield client


async def _beat(redis: Redis, namespace: str, total: int) -> None:
    """What a worker leaves once a second, and as much more folded as ``total`` says."""
    names = Names(namespace)
    seen_at = str(round(time.time() * 1000))
    await redis.hset(
        names.position("operations", 0),
        mapping={"owner": "host-7-aa", "ready": "1", "_seen_at": seen_at, "input_offset": "1"},
    )
    await redis.hset(names.counters("operations", 0), "in_total", str(total))


async def test_a_worker_is_told_to_be_gone_at_once_even_while_kafka_does_not_answer(
    shared_servers: Servers, redis: Redis, namespace: str, silent: str, tmp_path: Path
) -> None:
    settings = Settings(
        kafka=silent, redis=shared_servers.redis, namespace=namespace, partitions=1, data=tmp_path
    )
    watch = Watch(settings, ["operations"])
    try:
        for total in (10, 40):
            await _beat(redis, namespace, total)
            began = time.monotonic()
            await watch.look()
            assert time.monotonic() - began < 2.0
        (row,) = watch.now().figures
        assert (row.ready, row.partitions, row.lag) == (1, 1, None)
        assert row.rate > 0

        (row,) = watch.now(ended=["host-7-"]).figures
        assert (row.ready, row.rate) == (0, 0.0)

        await asyncio.sleep(3.1)
        (row,) = watch.now().figures  # nobody looked again
        assert (row.ready, row.rate) == (0, 0.0)
    finally:
        await watch.close()
