"""The store in memory answers and holds what the scripts answer and hold; every test in memory rests on that."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from libs.contracts.names import Names, name_of
from libs.ledger.records import EntityWrite, Folded
from libs.views import store as redis_store
from libs.views.memory import Keyspace, MemoryStore
from libs.views.ownership import Behind, BeingRebuilt, Damaged, NotOurs, Ownership
from libs.views.store import PartitionStore
from tests.libs.ledger.histories import uuid

pytestmark = pytest.mark.real

_HISTORY = 4
_LEASE_MS = 60_000
_LOADED_AT_ONCE = 330  # bytes: what may be more than one of these entities, and less than all of them
_EXTRAS = ("ü", "a b", "_x")
_STREAMS = ("equity", "trades")
_TABLES = ("orders", "positions")


class _Pair:
    """The same calls to both; their answers must be the same."""

    def __init__(self, redis: Redis, namespace: str, service: str, rng: Random) -> None:
        names = Names(namespace)
        self.keyspace = Keyspace()
        self.service = service
        self.real = PartitionStore(redis, names, service, 3, _HISTORY)
        self.twin = MemoryStore(self.keyspace, _HISTORY, lambda: round(time.time() * 1_000), _LOADED_AT_ONCE)
        self.redis = redis
        self.prefix = names.partition_prefix(service, 3)
        self.rng = rng
        self.owners: list[tuple[Ownership, Ownership]] = []
        self.entered = 0
        self.ids = [uuid(rng) for _ in range(4)]
        if service == "strategies":  # two of them are what entities share
            self.ids = ["acme", "other", "acme:s:1", "other:s-2"]
        if service == "versions":
            self.ids[0] = f"strategy:{self.ids[1]}"

    async def step(self) -> str:
        """One random call; what both answered."""
        calls = [self._take, self._load, self._say, self._clear, self._hold, self._members, self._evict]
        calls += [self._apply] * 6
        return await (self.rng.choice(calls) if self.owners else self._take)()

    async def _both(
        self, what: str, real: Callable[[], Awaitable[Any]], twin: Callable[[], Awaitable[Any]]
    ) -> tuple[str, Any, Any]:
        answers = []
        for call in (real, twin):
            try:
                answers.append((what, await call()))
            except (NotOurs, Behind, BeingRebuilt, Damaged) as refused:
                answers.append((f"{what}: {type(refused).__name__}", None))
        (kind, answer), (twin_kind, twin_answer) = answers
        assert kind == twin_kind
        return kind, answer, twin_answer

    async def _take(self) -> str:
        owner = self.rng.choice(("a", "b", "c"))
        lease = self.rng.choice((0, 0, 0, _LEASE_MS))
        kind, real, twin = await self._both(
            "take", lambda: self.real.take(owner, lease), lambda: self.twin.take(owner, lease)
        )
        if real is not None:
            assert replace(real, epoch="") == replace(twin, epoch="")
            self.owners = [*self.owners[-2:], (real, twin)]
        return kind

    def _one(self) -> tuple[Ownership, Ownership]:
        return self.owners[-1] if self.rng.random() < 0.8 else self.rng.choice(self.owners)

    async def _load(self) -> str:
        a, b = self._one()
        kind, real, twin = await self._both(
            "load", lambda: self.real.load(a, self.ids), lambda: self.twin.load(b, self.ids)
        )
        assert real == twin
        return kind

    async def _members(self) -> str:
        index = ("status", self.rng.choice("xyz"))
        kind, real, twin = await self._both(
            "members", lambda: self.real.members(index), lambda: self.twin.members(index)
        )
        assert real == twin
        return kind

    async def _say(self) -> str:
        a, b = self._one()
        said = {"ready": self.rng.choice(("0", "1"))}
        kind, _, _ = await self._both("say", lambda: self.real.say(a, said), lambda: self.twin.say(b, said))
        return kind

    async def _hold(self) -> str:
        a, b = self._one()
        lease = self.rng.choice((0, 0, _LEASE_MS))
        kind, _, _ = await self._both(
            "hold", lambda: self.real.hold(a, lease), lambda: self.twin.hold(b, lease)
        )
        return kind

    async def _clear(self) -> str:
        if self.rng.random() < 0.5:
            return "nothing"
        a, b = self._one()
        kind, _, _ = await self._both("clear", lambda: self.real.clear(a), lambda: self.twin.clear(b))
        assert a.counters == b.counters
        assert await self.real.holds_anything() == await self.twin.holds_anything()
        assert await self.real.reached() == await self.twin.reached()
        return kind

    async def _evict(self) -> str:
        """Redis gives up some of its keys, as under a policy that evicts."""
        if self.rng.random() < 0.5:
            return "nothing"
        lost = self.rng.choice(self.ids)
        key = self.prefix + name_of(self.service, lost)
        part = self.rng.random()
        if part < 0.7:
            await self.redis.unlink(key)
            self.keyspace.entities.pop(lost, None)
        if part > 0.5:
            await self.redis.unlink(f"{key}:log")
            self.keyspace.histories.pop(lost, None)
        if part > 0.9:
            await self.redis.unlink(self.prefix + "known")
            self.keyspace.known.clear()
        return await self._load()

    async def _apply(self) -> str:
        a, b = self._one()
        folded = self._folded(a.input_offset + self.rng.choice((0, 0, 0, 0, 0, 2, -1)))
        at = self.rng.randrange(100)
        kind, _, _ = await self._both(
            "apply", lambda: self.real.apply(a, folded, at), lambda: self.twin.apply(b, folded, at)
        )
        assert (a.input_offset, a.log_offset) == (b.input_offset, b.log_offset)
        return kind

    def _folded(self, previous: int) -> Folded:
        rng = self.rng
        subjects = rng.sample(self.ids, rng.randrange(len(self.ids)))
        counters = {"in_total": rng.randrange(10**15), "late_total": rng.randrange(9)}
        writes = [self._write(subject) for subject in subjects]
        return Folded(previous, previous + rng.randrange(1, 4), counters, writes=writes)

    def _write(self, subject: str) -> EntityWrite:
        rng = self.rng
        name, text = rng.choice(_EXTRAS), rng.choice(("", "null", "0.10", '"😀"', "x" * 300))
        new = subject not in self.keyspace.known
        if self.service == "versions" and rng.random() < 0.1:
            return EntityWrite(
                subject, {"_deleted": text}, [], [], [], [], None, gone=["log", *_TABLES], new=new
            )
        fields = {"status": rng.choice("xyz"), "sequence": rng.choice("0123")}
        return EntityWrite(
            subject,
            {**fields, name: text} if rng.random() < 0.5 else fields,
            [other for other in _EXTRAS if other != name and rng.random() < 0.3],
            [rng.randbytes(20) for _ in range(rng.randrange(1, 7))],
            [("status", rng.choice("xyz"))] if rng.random() < 0.8 else [],
            [("status", rng.choice("xyz"))] if rng.random() < 0.5 else [],
            1_780_081_200_000 + rng.randrange(10**9),
            [self._entry(text) for _ in range(rng.choice((0, 0, 1, 6)))],
            self._rows(text) if self.service == "versions" else [],
            new=new,
        )

    def _rows(self, text: str) -> list[tuple[str, dict[str, str], list[str]]]:
        rng = self.rng
        rows = {row: text for row in _EXTRAS if rng.random() < 0.5}
        return [
            (table, rows, rng.sample(_EXTRAS, rng.randrange(3))) for table in _TABLES if rng.random() < 0.3
        ]

    def _entry(self, text: str) -> tuple[str, int, dict[str, str]]:
        self.entered += 1
        return self.rng.choice(_STREAMS), self.entered, {"event": "snapshot", self.rng.choice(_EXTRAS): text}

    async def contents(self) -> Keyspace:
        """What Redis holds of the partition."""
        found = Keyspace()
        keys = {self.prefix + name_of(self.service, one): one for one in self.ids}
        async for raw in self.redis.scan_iter(match=self.prefix + "*"):
            key = raw.decode()
            if key.startswith(self.prefix + "by:"):
                members: Any = await self.redis.zrange(key, 0, -1, withscores=True)
                scores = {member.decode(): int(score) for member, score in members}
                found.indexes[key.removeprefix(self.prefix + "by:")] = scores
            elif key.endswith(":log"):
                history: Any = await self.redis.lrange(key, 0, -1)
                found.histories[keys[key.removesuffix(":log")]] = history
            elif key.endswith(_STREAMS):
                subject, _, stream = key.rpartition(":")
                entries: Any = await self.redis.xrange(key)
                found.streams[keys[subject], stream] = [(at.decode(), _text(told)) for at, told in entries]
            elif key.endswith(_TABLES):
                subject, _, table = key.rpartition(":")
                found.tables[keys[subject], table] = await self._hash(key)
            elif key.startswith(self.prefix + "deleted:"):
                found.deleted[key.removeprefix(self.prefix + "deleted:")] = await self._hash(key)
            elif key == self.prefix + "known":
                ids: Any = await self.redis.smembers(key)
                found.known = {member.decode() for member in ids}
            elif key in keys:
                found.entities[keys[key]] = await self._hash(key)
            else:
                setattr(found, key.removeprefix(self.prefix), await self._hash(key))
        return found

    async def _hash(self, key: str) -> dict[str, str]:
        fields: Any = await self.redis.hgetall(key)
        return _text(fields)


def _text(fields: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in fields.items()}


def _settled(keyspace: Keyspace) -> Keyspace:
    """Without what depends on the moment of a call."""
    copy = keyspace.copy()
    copy.position.pop("epoch", None)
    if copy.position.get("_rebuild_until", "0") != "0":
        copy.position["_rebuild_until"] = "later"
    return copy


@pytest.mark.parametrize("service", ["operations", "agents", "strategies", "versions"])
async def test_the_twin_answers_and_holds_what_redis_does(
    redis_url: str, namespace: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any order of calls, from owners of the present and the past; streams and companions among what is written."""
    monkeypatch.setattr(redis_store, "LOADED_AT_ONCE", _LOADED_AT_ONCE)
    redis = Redis.from_url(redis_url)
    answers = set()
    for seed in range(16):
        pair = _Pair(redis, f"{namespace}{seed}", service, Random(seed))
        for _ in range(60):
            answers.add(await pair.step())
            assert _settled(await pair.contents()) == _settled(pair.keyspace)
    await redis.aclose()
    refusals = {
        "take: BeingRebuilt",
        "apply: Behind",
        "apply: NotOurs",
        "load: NotOurs",
        "load: Damaged",
        "say: NotOurs",
        "clear: NotOurs",
    }
    assert answers >= {"take", "load", "say", "hold", "clear", "apply", "members"} | refusals


async def test_an_epoch_never_comes_twice(redis_url: str, namespace: str) -> None:
    """Not even where Redis forgot the counter: a copy from before a FLUSHALL may name the very owner of today."""
    redis = Redis.from_url(redis_url)
    store = PartitionStore(redis, Names(namespace), "operations", 0, _HISTORY)
    first = await store.take("a")
    second = await store.take("a")
    await redis.delete(Names(namespace).position("operations", 0))
    third = await store.take("a")
    assert int(first.epoch) < int(second.epoch) < int(third.epoch)
    with pytest.raises(NotOurs):
        await store.say(second, {})
    await redis.aclose()
