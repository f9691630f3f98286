"""One writer at a time, on a real Redis; each test is named for the rule that it guards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from libs.contracts import monitoring
from libs.contracts.names import Names
from services.metrics import lease as leases
from services.metrics.commands import Command, append, members, store
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
    with pytest.raises(Lost, match="the lease ended"):
        await one.write([_second(1_000, "1")])
    assert await other.acquire()
    with pytest.raises(Lost, match="another process writes"):
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
    refused = await lease.write([*store("m:now:agents", {"rate": "1"}), _second(1_000, "1")])
    assert await redis.xlen(names.key("m:ts:operations")) == 1
    assert [names.key("m:now:agents") in one for one in refused] == [True]


async def test_a_look_that_takes_long_holds_on_to_the_lease(
    redis: Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it writes meanwhile, or nothing."""
    monkeypatch.setattr(leases, "LEASE_MS", 300)
    one, other = Lease(redis, Names(namespace)), Lease(redis, Names(namespace))
    assert await one.acquire()
    for _ in range(4):
        await asyncio.sleep(0.1)
        await one.renew()
    assert not await other.acquire()


async def test_who_has_the_lease_again_knows_whether_all_is_as_it_was_left(
    redis: Redis, namespace: str
) -> None:
    """Not where another wrote meanwhile, and not where Redis forgot the last of it."""
    names = Names(namespace)
    one, other = Lease(redis, names), Lease(redis, names)
    assert not await one.undisturbed()
    assert await one.acquire()
    await one.write([_second(1_000, "1")])
    early: Any = await redis.get(names.key(monitoring.WRITTEN_LAST))
    await one.write([_second(2_000, "1")])
    await one.release()
    assert await one.undisturbed()
    await redis.set(names.key(monitoring.WRITTEN_LAST), early)
    assert not await one.undisturbed()
    assert await other.acquire()
    await other.renew()
    assert not await one.undisturbed()
    assert await other.undisturbed()


async def test_as_many_names_as_there_are_can_be_written(redis: Redis, namespace: str) -> None:
    """A script can pass on some 8,000 words in one command."""
    lease = Lease(redis, Names(namespace))
    assert await lease.acquire()
    names = [f"agent-{number}" for number in range(20_000)]
    await lease.write([*members("m:agents", names), *store("m:agents:blocks", dict.fromkeys(names, "1"))])
    assert await redis.scard(Names(namespace).key("m:agents")) == 20_000
    assert await redis.hlen(Names(namespace).key("m:agents:blocks")) == 20_000


async def test_whether_there_are_time_series_is_asked_of_redis_itself(redis: Redis, namespace: str) -> None:
    """By the command that would be used."""
    known = await redis.execute_command("COMMAND LIST")  # type: ignore[no-untyped-call]
    assert await Sources(redis, Names(namespace), 1).has_time_series() == (b"ts.add" in known)
