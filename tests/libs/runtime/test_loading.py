"""Loading what a batch acts on: never more at once than a worker can hold, and the same fold however it is cut."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import Origin
from libs.ledger.intake import read_input
from libs.ledger.partition import PartitionFold
from libs.ledger.records import EntityWrite, Folded, InputRecord, Outgoing
from libs.runtime.entities import EntityCache
from libs.runtime.patience import Patience
from libs.runtime.recovery import load_entities
from libs.views import store as redis_store
from libs.views.memory import Keyspace, MemoryStore
from libs.views.ownership import Damaged, Ownership
from libs.views.store import PartitionStore
from services.executions import AGGREGATE as EXECUTIONS
from services.versions import AGGREGATE as VERSIONS
from tests.libs.ledger import histories
from tests.libs.ledger.folding import EPOCH_MS, Outcome, at_once, fold_input, records_of
from tests.services.versions.given import history

_STRATEGIES = [f"00000000-0000-4000-8000-{number:012x}" for number in range(5)]


async def _yes() -> bool:
    return True


class _Weighed(MemoryStore):
    """Notes how many bytes each call gave, and of how many entities."""

    def __init__(self, keyspace: Keyspace, most: int) -> None:
        super().__init__(keyspace, 10_000, lambda: EPOCH_MS, most)
        self.given: list[tuple[int, int]] = []

    async def load(self, own: Ownership, subjects: Sequence[str]) -> dict[str, dict[str, str]]:
        found = await super().load(own, subjects)
        weights = [sum(len(k) + len(v) for k, v in fields.items()) for fields in found.values()]
        self.given.append((sum(weights[:-1]), len(found)))
        return found


def _inputs(aggregate: Aggregate[Any], rng: Random) -> list[InputRecord]:
    if aggregate is VERSIONS:
        return records_of(history(rng, 60, _STRATEGIES))
    bodies = [body for _ in range(12) for body in histories.story(rng).bodies()]
    rng.shuffle(bodies)
    return records_of([orjson.dumps(body) for body in bodies])


def _folded_in_parts(aggregate: Aggregate[Any], records: list[InputRecord], store: MemoryStore) -> Outcome:
    """As a worker folds batches of ten that it can't hold whole."""
    own = at_once(store.take("me"))
    fold = PartitionFold(aggregate, Origin(aggregate.service, f"{aggregate.service}.in", 0))
    cache: EntityCache[Any] = EntityCache(0)
    out = Outcome(store=store.keys)
    for first in range(0, len(records), 10):
        rest = [read_input(aggregate, 0, 1, record) for record in records[first : first + 10]]
        while rest:
            ready = at_once(load_entities(cache, fold, store, own, rest, Patience(_yes, 60)))
            assert ready
            folded = fold.fold(ready, cache.entities)
            at_once(store.apply(own, folded, log_offset=-1))
            cache.trim()
            out.log += folded.log
            out.events += folded.events
            rest = rest[len(ready) :]
    return out


def _pairs(records: Sequence[Outgoing]) -> list[tuple[bytes | None, bytes | None]]:
    return [(one.key, one.value) for one in records]


@pytest.mark.parametrize("aggregate", [EXECUTIONS, VERSIONS], ids=lambda one: one.service)
@pytest.mark.parametrize("most", [1, 3_000, 10_000])
def test_a_batch_that_weighs_too_much_is_folded_in_parts(aggregate: Aggregate[Any], most: int) -> None:
    """Byte for byte as in one piece, where facts act on two entities, too; no call gives more than it may."""
    for seed in range(15):
        records = _inputs(aggregate, Random(seed))
        store = _Weighed(Keyspace(), most)
        parts, whole = _folded_in_parts(aggregate, records, store), fold_input(aggregate, records)
        assert _pairs(parts.log) == _pairs(whole.log)
        assert _pairs(parts.events) == _pairs(whole.events)
        parts.store.position = whole.store.position
        assert parts.store == whole.store
        assert all(but_the_last <= most for but_the_last, _ in store.given)
        assert max(entities for _, entities in store.given) > 1


@pytest.mark.real
async def test_redis_gives_no_more_at_once_than_a_worker_can_hold(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ones, at least one; what is not there takes its place and weighs nothing."""
    monkeypatch.setattr(redis_store, "LOADED_AT_ONCE", 1_000)
    redis = Redis.from_url(redis_url)
    store = PartitionStore(redis, Names(namespace), "operations", 0, 10)
    own = await store.take("me")
    heavy = [EntityWrite(one, {"note": "ü" * 400}, [], [b"{}"], [], [], None, new=True) for one in "abc"]
    await store.apply(own, Folded(-1, 0, {"in_total": 1}, writes=heavy), 0)
    assert list(await store.load(own, ["x", "a", "y", "b", "c", "z"])) == ["x", "a", "y", "b"]
    assert await store.load(own, ["c", "z"]) == {"c": {"note": "ü" * 400}, "z": {}}
    monkeypatch.setattr(redis_store, "LOADED_AT_ONCE", 1)
    assert list(await store.load(own, ["a", "b"])) == ["a"]
    await redis.aclose()


@pytest.mark.real
async def test_ids_that_were_forgotten_stay_missed(redis_url: str, namespace: str) -> None:
    """Also where the next batch brings new ones: what is remembered then is fewer than there were."""
    redis, names = Redis.from_url(redis_url), Names(namespace)
    store = PartitionStore(redis, names, "operations", 0, 10)
    own = await store.take("me")
    assert not own.remembers
    for offset, subject in enumerate(("a", "b")):
        writes = [EntityWrite(subject, {"status": "x"}, [], [b"{}"], [], [], None, new=True)]
        await store.apply(own, Folded(offset - 1, offset, {"entities": offset + 1}, writes=writes), offset)
        if subject == "a":
            assert await store.load(own, ["a"]) == {"a": {"status": "x"}}
            await redis.unlink(names.known("operations", 0), names.entity("operations", 0, "a"))
    with pytest.raises(Damaged):
        await store.load(own, ["a"])
    assert (await store.take("another")).remembers
    await redis.aclose()
