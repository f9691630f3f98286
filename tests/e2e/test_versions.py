"""Versions through a real worker: commands to log, events, states and Redis, the scheduler, deletion, a rebuild."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.contracts.golden import messages
from tests.real.deployment import Deployment
from tests.real.topics import Push, partition_for
from tests.services.cli.command import run
from tests.services.versions.given import (
    OTHER,
    STRATEGY,
    cancel,
    command,
    delete,
    drafted,
    execute,
    history,
    registered,
)
from tests.stack import Servers

pytestmark = pytest.mark.real

PARTITIONS = 3
Body = dict[str, Any]


@pytest.fixture(scope="module")
def versions(shared_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The service at work."""
    folder = tmp_path_factory.mktemp("versions")
    made = Deployment(shared_servers, f"e2e-{uuid.uuid4().hex[:8]}", folder, PARTITIONS, ("versions",))
    asyncio.run(made.create())
    made.start("versions")
    asyncio.run(made.settle())
    yield made
    assert made.stop() == [0], made.last_words()


async def _send(versions: Deployment, strategy_id: str, *bodies: Body) -> None:
    """Commands on a strategy, in this order, and all that they lead to."""
    topic = versions.topic("versions.in")
    values = [json.dumps({**body, "strategy_id": strategy_id}).encode() for body in bodies]
    await versions.push([Push(topic, value, strategy_id.encode()) for value in values])
    await versions.settle()


async def _of(versions: Deployment, stream: str, key: str) -> list[Any]:
    """All values of one of the service's topics under a key, parsed; None for a tombstone."""
    runs = (await versions.read(f"versions.{stream}")).values()
    found = [one.value for run_ in runs for one in run_ if one.key == key.encode()]
    return [None if value is None else json.loads(value) for value in found]


def _names(told: list[Any]) -> list[str]:
    return [event["type"].removeprefix("stratafold.").removesuffix(".v1") for event in told]


def _key(versions: Deployment, strategy_id: str, version_id: str) -> str:
    return versions.names.entity("versions", partition_for(strategy_id.encode(), PARTITIONS), version_id)


async def _contents(versions: Deployment) -> dict[str, Any]:
    """Every key of the service but the positions, as bytes."""
    found: dict[str, Any] = {}
    async with Redis.from_url(versions.servers.redis) as redis:
        async for raw in redis.scan_iter(match=versions.names.key("{versions.*")):
            key, kind = raw.decode(), await redis.type(raw)
            if kind == b"list":
                found[key] = await redis.lrange(raw, 0, -1)
            elif kind == b"zset":
                found[key] = await redis.zrange(raw, 0, -1, withscores=True)
            elif kind == b"set":
                found[key] = await redis.smembers(raw)
            elif not key.endswith("position"):
                found[key] = await redis.hgetall(raw)
    return found


async def _order_ids(versions: Deployment, version_id: str) -> list[str]:
    return [one["id"] for one in (await _of(versions, "state", version_id))[-1]["orders"]]


def _told(order_id: str, status: str, filled: str | None = None) -> Body:
    fills: Body = {"filled_quantity": filled, "filled_value": None, "filled_average_price": None}
    return command("order.updated", order_id=order_id, status=status, status_reason=None, **fills)


async def test_an_execution_ends_where_the_contract_says(versions: Deployment) -> None:
    """Log, events, state, the hash with its orders and positions, the indexes, the strategy."""
    strategy_id, version_id = str(uuid.uuid4()), str(uuid.uuid4())
    await _send(
        versions,
        strategy_id,
        registered({"GOOG": "90"}, "10"),
        execute({"NVDA": "10.0", "GOOG": "90"}, version_id, key="k"),
        execute({"NVDA": "10.0", "GOOG": "90"}, str(uuid.uuid4()), key="k"),
    )
    (order_id,) = await _order_ids(versions, version_id)
    filled = _told(order_id, "FILLED", "10")
    await _send(versions, strategy_id, _told(order_id, "SENT"), filled, filled)

    logged = await _of(versions, "log", strategy_id)
    assert [(record["verdict"], record["sequence"]) for record in logged] == [
        ("applied", 1),
        ("applied", 1),
        ("ignored", 1),
        ("applied", 2),
        ("applied", 3),
        ("duplicate", None),
    ]
    assert [record["subject"] for record in logged[3:]] == [version_id] * 3
    told = await _of(versions, "events", version_id)
    assert _names(told) == [
        "version.executed",
        "order.created",
        "version.status_changed",
        "order.updated",
        "version.status_changed",
        "version.status_changed",
        "order.updated",
        "version.status_changed",
        "version.completed",
    ]
    assert [event["sequence"] for event in told] == list(range(1, len(told) + 1))

    document = (await _of(versions, "state", version_id))[-1]
    assert (document["status"], document["orders"][0]["order_value"]) == ("COMPLETE", "1500.00")
    key = _key(versions, strategy_id, version_id)
    strategy = versions.names.entity("versions", partition_for(strategy_id.encode(), PARTITIONS), "x")
    strategy = strategy.replace("version:x", f"strategy:{strategy_id}")
    async with Redis.from_url(versions.servers.redis, decode_responses=True) as redis:
        fields: Any = await redis.hgetall(key)
        orders: Any = await redis.hgetall(f"{key}:orders")
        positions: Any = await redis.hgetall(f"{key}:positions")
        shared: Any = await redis.hgetall(strategy)
        history: Any = await redis.lrange(f"{key}:log", 0, -1)
        prefix = key.partition("version:")[0]
        assert version_id in await redis.zrange(f"{prefix}by:status:COMPLETE", 0, -1)
        assert version_id in await redis.zrange(f"{prefix}by:strategy:{strategy_id}", 0, -1)
    assert (fields["status"], fields["cash_weight"], fields["old_cash_weight"]) == ("COMPLETE", "0.0", "10.0")
    assert {name: json.loads(row) for name, row in orders.items()} == {order_id: document["orders"][0]}
    assert [json.loads(row) for row in positions.values()] == document["positions"]
    assert (shared["executed"], shared["in_flight"]) == (version_id, "null")
    assert [json.loads(record) for record in history] == [logged[at] for at in (1, 3, 4)]


async def test_what_is_deleted_is_gone_and_stays_gone(versions: Deployment) -> None:
    """A tombstone in the state topic, no key in Redis but the fold's own; a late repetition changes nothing."""
    strategy_id, version_id = str(uuid.uuid4()), str(uuid.uuid4())
    draft = drafted({"NVDA": "5"}, version_id)
    await _send(versions, strategy_id, draft)
    assert (await _of(versions, "state", version_id))[-1]["status"] is None
    await _send(versions, strategy_id, delete(version_id))
    await _send(versions, strategy_id, draft, delete(version_id))
    assert (await _of(versions, "state", version_id))[-1] is None
    assert _names(await _of(versions, "events", version_id)) == [
        "version.drafted",
        "version.deleted",
        "version.refused",
    ]
    keys = [key for key in await _contents(versions) if version_id in key]
    assert keys == [_key(versions, strategy_id, version_id).replace(":version:", ":deleted:")]


async def test_a_scheduled_version_is_executed_once_though_the_worker_dies(
    versions: Deployment, tmp_path: Path
) -> None:
    """At its time, with the prices of that moment, which came by `push instruments.in`."""
    strategy_id, version_id, called_off = (str(uuid.uuid4()) for _ in range(3))
    file = tmp_path / "instruments.json"
    quote = {"symbol": "NVDA", "price": "100", "ts": "2026-05-29T19:00:00Z", "step": "0.1", "minimum": "1"}
    file.write_text(json.dumps(quote))
    pushed = run(versions.environment(), "push", "instruments.in", str(file))
    assert pushed.status == 0, pushed.err
    at = datetime.now(UTC) + timedelta(seconds=8)
    planned = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    draft = {**drafted({"NVDA": "10"}, version_id), "ts": now}
    draft["data"]["scheduled_for"] = planned
    other = {**draft, "id": "another", "data": {**draft["data"], "version_id": called_off}}
    await _send(versions, strategy_id, registered({}, "100"), draft, other, cancel(called_off))
    versions.workers.pop().kill()
    versions.start("versions")
    end = time.monotonic() + 60
    while (await _of(versions, "state", version_id))[-1]["status"] != "PENDING":
        assert time.monotonic() < end, versions.last_words()
        await asyncio.sleep(0.5)
    await versions.settle()
    await asyncio.sleep(6)  # one more look of the scheduler
    document = (await _of(versions, "state", version_id))[-1]
    assert document["executed_at"] >= document["scheduled_for"]
    assert [one["order_quantity"] for one in document["orders"]] == ["15.0"]
    due = [one for one in await _of(versions, "log", strategy_id) if one["data"]["event"] == "version.due"]
    assert [(one["verdict"], one["subject"]) for one in due] == [("applied", version_id)]
    assert _names(await _of(versions, "events", version_id)).count("version.executed") == 1
    assert (await _of(versions, "state", called_off))[-1]["status"] == "CANCELLED"


async def test_the_command_line_pushes_and_shows_them(versions: Deployment, tmp_path: Path) -> None:
    """`push`, `show --json` (the state document), `history --json` with what each record changed, `key`."""
    settings = versions.environment()
    file = tmp_path / "commands.json"
    file.write_bytes(b"[" + b",".join(messages("versions")) + b"]")
    pushed = run(settings, "push", "versions.in", str(file))
    assert pushed.status == 0, pushed.err
    await versions.settle()
    sent = json.loads(messages("versions")[2])
    version_id, strategy_id = sent["data"]["version_id"], sent["strategy_id"]
    for more in ((), ("--strategy", strategy_id)):
        shown = run(settings, "show", "version", version_id, *more, "--json")
        assert shown.status == 0, shown.err
        assert shown.json == (await _of(versions, "state", version_id))[-1]
        followed = run(settings, "history", "version", version_id, *more, "--json")
        assert followed.json[0]["changed"]["status"] == [None, "PENDING"], followed.err
        assert followed.json[0]["changed"]["orders"][1] != []
        key = run(settings, "key", "version", version_id, *more).out.decode().strip()
        assert key == _key(versions, strategy_id, version_id)
    deleted = run(settings, "show", "version", json.loads(messages("versions")[4])["data"]["version_id"])
    assert deleted.status == 1


async def test_a_rebuild_gives_the_same_bytes(versions: Deployment) -> None:
    """Of every key, orders, ids and times among them, whatever came; and all that is read agrees before and after."""
    settings = versions.environment()
    for seed in range(6):
        await _at_random(versions, Random(seed))
    before = await _contents(versions)
    orders = [key for key in before if key.endswith(":orders")]
    times = ("inserted_at", "executed_at", "first_recorded_at", "last_recorded_at")
    version = next(key for key in before if ":version:" in key and f"{key}:orders" in orders)
    assert all(before[version][name.encode()] for name in times)
    assert len(orders) > 5
    assert any(":deleted:" in key for key in before)
    for _ in range(2):
        ended = run(settings, "verify", "--json", seconds=120)
        assert (ended.status, ended.json["verdict"]) == (0, "agrees"), ended.out.decode()
        assert ended.json["services"]["versions"]["checked"]["entities"] > 20
        assert run(settings, "rebuild", "versions", seconds=120).status == 0
        await versions.settle()
        assert await _contents(versions) == before


async def test_redis_emptied_is_filled_with_the_same_bytes(versions: Deployment) -> None:
    """By the worker alone, which notices."""
    before = await _contents(versions)
    async with Redis.from_url(versions.servers.redis) as redis:
        async for key in redis.scan_iter(match=versions.names.key("{versions.*")):
            await redis.delete(key)
    end = time.monotonic() + 60
    while await _contents(versions) != before:
        assert time.monotonic() < end, versions.last_words()
        await asyncio.sleep(0.5)
    await versions.settle()


async def _at_random(versions: Deployment, rng: Random) -> None:
    """Commands on two strategies of their own in any order, some of them repeated; then a broker's word on each order.

    Nothing is left scheduled: the scheduler would go on.
    """
    strategies = [str(uuid.UUID(int=rng.getrandbits(128))) for _ in range(2)]
    ids = {STRATEGY: strategies[0], OTHER: strategies[1]}
    mine = f"{rng.getrandbits(32):08x}"
    values = [value.decode() for value in history(rng)]
    for old, new in ids.items():
        values = [value.replace(old, new) for value in values]
    bodies = [json.loads(value.replace("019d7a2b", mine)) for value in values]
    for strategy_id in strategies:
        own = [body for body in bodies if body["strategy_id"] == strategy_id]
        await _send(versions, strategy_id, registered({"GOOG": "60"}, "40"), *own)
    states = [
        json.loads(one.value)
        for run_ in (await versions.read("versions.state")).values()
        for one in run_
        if one.value is not None
    ]
    latest = {one["id"]: one for one in states if one["strategy_id"] in strategies}
    for version in latest.values():
        told = [
            _told(order["id"], rng.choice(("SENT", "FILLED", "FAILED")), order["order_quantity"])
            for order in version["orders"]
        ]
        if version["status"] == "SCHEDULED":
            told.append(cancel(version["id"]))
        if told:
            await _send(versions, version["strategy_id"], *told)
