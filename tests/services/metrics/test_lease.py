"""One writer at a time, on a real Redis; each test is named for the rule that it guards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from libs.contracts.names import Names
from services.metrics import lease as leases
from services.metrics.commands import Command, append, store
from services.metrics.lease import Lease, Lost
from services.metrics.sources import Sources

pytestmark = pytest.mark.real


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


def _second(at: int, value: str) -> Command:
    return append("m:ts:operations", at, {"rate": value}, 60_000)


async def test_a_second_process_waits_until_the_first_lets_go(redis: Redis, namespace: str) -> None:
    """And the one who has the lease may ask again and keep it."""
    one, other = Lease(redis, Names(namespace)), Lease(redis, Names(namespace))
    assert await one.acquire()
    assert not await other.acquire()
    assert await one.acquire()
    await one.release()
    assert await other.acquire()
    await one.release()  # too late: it is another's
    assert not await one.acquire()


async def test_who_slept_through_its_lease_writes_nothing(
    redis: Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither after another took over, nor before anybody did."""
    monkeypatch.setattr(leases, "LEASE_MS", 60)
    names = Names(namespace)
    one, other = Lease(redis, names), Lease(redis, names)
    assert await one.acquire()
    await asyncio.sleep(0.1)
    with pytest.raises(Lost):
        await one.write([_second(1_000, "1")])
    assert await other.acquire()
    with pytest.raises(Lost):
        await one.write([_second(1_000, "1")])
    assert await redis.exists(names.key("m:ts:operations")) == 0


async def test_a_second_has_one_entry_whoever_writes(redis: Redis, namespace: str) -> None:
    """What comes again, or from before, is left out, and the rest of the write takes effect."""
    names = Names(namespace)
    lease = Lease(redis, names)
    assert await lease.acquire()
    for at, value in ((2_000, "1"), (2_000, "2"), (1_000, "3"), (3_000, "4")):
        await lease.write([_second(at, value), *store("m:now:operations", {"rate": value})])
    found = await Sources(redis, names, 1).entries(names.key("m:ts:operations"), "-", "+")
    assert [(entry_id, fields["rate"]) for entry_id, fields in found] == [("2000-0", "1"), ("3000-0", "4")]
    assert await redis.hget(names.key("m:now:operations"), "rate") == b"4"


async def test_what_redis_refuses_does_not_keep_the_rest_from_being_written(
    redis: Redis, namespace: str
) -> None:
    """A stranger's key of another type under one of our names, say."""
    names = Names(namespace)
    await redis.set(names.key("m:now:agents"), "mine")
    lease = Lease(redis, names)
    assert await lease.acquire()
    await lease.write([*store("m:now:agents", {"rate": "1"}), _second(1_000, "1")])
    assert await redis.xlen(names.key("m:ts:operations")) == 1


async def test_whether_there_are_time_series_is_asked_of_redis_itself(redis: Redis, namespace: str) -> None:
    """By the command that would be used."""
    known = await redis.execute_command("COMMAND LIST")  # type: ignore[no-untyped-call]
    assert await Sources(redis, Names(namespace), 1).has_time_series() == (b"ts.add" in known)
