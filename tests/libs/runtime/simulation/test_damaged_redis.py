"""Redis that lost or holds what no worker wrote: the partition is made anew from the log, once, and then goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from random import Random

import orjson
import pytest
from aiokafka.errors import KafkaTimeoutError

from libs.contracts.partitions import partition_of
from libs.ledger.envelope import parse_log_record
from libs.ledger.fact import Fact
from libs.ledger.partition import PartitionFold
from libs.ledger.records import Outgoing
from libs.ledger.verdict import Verdict
from libs.runtime.patience import Patience
from libs.views.memory import Keyspace, MemoryStore
from libs.views.ownership import Ownership
from services.agents import AGGREGATE as AGENTS
from services.executions import AGGREGATE as EXECUTIONS
from services.executions.model import Execution
from tests.libs.runtime.simulation import clock
from tests.libs.runtime.simulation.checks import violations
from tests.libs.runtime.simulation.schedule import AGGREGATES
from tests.libs.runtime.simulation.test_damaged_log import _PLACE, _first_of_an_entity, _folded
from tests.libs.runtime.simulation.world import PARTITIONS, MemoryLedger, World
from tests.services.agents.given import snapshot

Spoil = Callable[[Keyspace], None]


def _without_an_entity(keys: Keyspace) -> None:
    """Of which `.state` is looked at again, so that it is met."""
    del keys.entities[next(iter(keys.entities))]
    keys.position["_state_end"] = "0"


def _without_counters(keys: Keyspace) -> None:
    keys.counters.clear()


def _without_position(keys: Keyspace) -> None:
    keys.position.clear()


def _without_both(keys: Keyspace) -> None:
    keys.position.clear()
    keys.counters.clear()


def _saying(name: str, text: str) -> Spoil:
    """An entity says what no fold writes."""

    def spoil(keys: Keyspace) -> None:
        entity = next(iter(keys.entities.values()))
        assert entity[name] != text
        entity[name] = text
        keys.position["_state_end"] = "0"

    return spoil


@pytest.fixture
def clears(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When Redis was cleared."""
    times: list[float] = []
    clear = MemoryStore.clear

    async def noted(store: MemoryStore, own: Ownership) -> None:
        times.append(asyncio.get_running_loop().time())
        await clear(store, own)

    monkeypatch.setattr(MemoryStore, "clear", noted)
    return times


async def _gone_on(spoil: Spoil, seconds: float = 120) -> tuple[World, str | None]:
    """What a worker makes of it, and of one more input."""
    world = await _folded()
    spoil(world.keyspaces[_PLACE])
    worker = world.start(_PLACE)
    await asyncio.sleep(seconds)
    world.topic("executions.in", _PLACE[1]).append([Outgoing(0, None, b"{}")])
    await asyncio.sleep(20)
    assert worker.alive
    worker.partition.stop()
    await asyncio.sleep(20)
    return world, worker.partition.halted


def _of_before(keys: Keyspace) -> None:
    """As written by who kept no account of ids; and an entity is gone."""
    keys.known.clear()
    del keys.position["_known"]
    subject = next(iter(keys.entities))
    del keys.entities[subject], keys.histories[subject]


_SPOILED = {
    "without an account of ids": _of_before,
    "without an entity": _without_an_entity,
    "without counters": _without_counters,
    "without position": _without_position,
    "without both": _without_both,
    "a status that none is": _saying("status", "dreaming"),
    "a sequence below zero": _saying("sequence", "-1"),
    "half a digest": _saying("_facts", "ab" * 15),
    "events below zero": _saying("_events", "-2"),
}


@pytest.mark.parametrize("spoil", _SPOILED.values(), ids=_SPOILED)
def test_what_was_lost_or_changed_alone_is_made_anew(spoil: Spoil, clears: list[float]) -> None:
    """Entities, counters and all; nothing begins anew at 0, and none of it is taken for a damaged log."""
    world, halted = clock.run(_gone_on(spoil))
    assert halted is None
    assert [one for one in violations(world, AGGREGATES) if one.startswith("executions/0")] == []
    assert len(clears) == 1


def test_what_is_watched_and_can_not_be_read_is_made_anew(clears: list[float]) -> None:
    """Whoever looks what is due meets it first, and is no reason to end."""

    async def watched() -> str | None:
        place = ("agents", partition_of("a-1", PARTITIONS))
        world = World(Random(1), {"agents": AGENTS}, None)
        world.topic("agents.in", place[1]).append([Outgoing(0, b"a-1", orjson.dumps(snapshot(0)))])
        worker = world.start(place)
        await asyncio.sleep(3)
        world.keyspaces[place].entities["a-1"]["_memory"] = "[]"
        await asyncio.sleep(60)
        assert worker.alive
        worker.partition.stop()
        await asyncio.sleep(20)
        assert world.keyspaces[place].entities["a-1"]["_memory"] != "[]"
        return worker.partition.halted

    assert clock.run(watched()) is None
    assert len(clears) == 1


def test_a_refold_that_is_interrupted_goes_on_where_it_was(
    monkeypatch: pytest.MonkeyPatch, clears: list[float]
) -> None:
    """Else one that takes longer than Kafka stays up would never come to its end."""
    read = MemoryLedger.read_log
    failures = iter(range(2))

    async def a_few(ledger: MemoryLedger, start: int, end: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        async for chunk in read(ledger, start, end):
            yield chunk[:2]
            if clears and next(failures, None) is not None:
                raise KafkaTimeoutError
            yield chunk[2:]

    monkeypatch.setattr(MemoryLedger, "read_log", a_few)
    _, halted = clock.run(_gone_on(_without_an_entity, 600))
    assert halted is None
    assert next(failures, None) is None
    assert len(clears) == 1


def test_while_the_partition_stands_still_redis_is_not_cleared_again(clears: list[float]) -> None:
    async def halted() -> str | None:
        world = await _folded()
        _without_an_entity(world.keyspaces[_PLACE])
        world.topic("executions.in", _PLACE[1]).records.clear()
        worker = world.start(_PLACE)
        await asyncio.sleep(300)
        worker.partition.stop()
        await asyncio.sleep(20)
        return worker.partition.halted

    assert "topic was made anew" in (clock.run(halted()) or "")
    assert len(clears) == 1


def test_input_at_which_the_fold_fails_halts_its_partition_alone(clears: list[float]) -> None:
    """What Redis told may be the reason, so that is made anew once; after that it can only be the fold."""

    def fails(state: Execution, fact: Fact) -> Verdict:
        return {}[fact.body["id"]] if fact.body["account_label"] == "odd" else EXECUTIONS.fold(state, fact)

    async def played() -> tuple[str | None, bool, World]:
        world = await _folded()
        body = orjson.loads(_first_of_an_entity(world).value or b"")["data"]
        odd = orjson.dumps({**body, "account_label": "odd"})
        world.topic("executions.in", _PLACE[1]).append([Outgoing(0, None, odd), Outgoing(0, None, b"{}")])
        world.aggregates = {**AGGREGATES, "executions": replace(EXECUTIONS, fold=fails)}
        worker = world.start(_PLACE)
        await asyncio.sleep(120)
        halted, alive = worker.partition.halted, worker.alive
        assert not worker.partition.ready
        assert world.keyspaces[_PLACE].position["ready"] == "0"
        worker.partition.stop()
        await asyncio.sleep(20)
        world.aggregates = AGGREGATES
        mended = world.start(_PLACE)
        await asyncio.sleep(60)
        mended.partition.stop()
        await asyncio.sleep(20)
        world.processes[_PLACE].remove(worker)  # whose partition stood still to its end, as it should
        return halted, alive, world

    halted, alive, world = clock.run(played())
    assert alive
    assert "can't be folded" in (halted or "")
    assert [one for one in violations(world, AGGREGATES) if one.startswith("executions/0")] == []
    assert len(clears) == 1


def test_what_fails_again_and_again_is_tried_more_and_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where each time the partition becomes ready first."""
    taken: list[float] = []
    take = MemoryStore.take

    async def noted(store: MemoryStore, owner: str, lease_ms: int = 0) -> Ownership:
        taken.append(asyncio.get_running_loop().time())
        return await take(store, owner, lease_ms)

    kafka = Patience.kafka

    async def refused(self: Patience, what: str, attempt: object) -> object:
        if what == "append to the log":
            attempt.close()  # type: ignore[attr-defined]
            raise KafkaTimeoutError
        return await kafka(self, what, attempt)  # type: ignore[arg-type]

    async def tried() -> int:
        world = await _folded()
        world.topic("executions.in", _PLACE[1]).append([Outgoing(0, None, b"{}")])
        monkeypatch.setattr(MemoryStore, "take", noted)
        monkeypatch.setattr(Patience, "kafka", refused)
        worker = world.start(_PLACE)
        await asyncio.sleep(120)
        worker.partition.stop()
        await asyncio.sleep(20)
        return len(taken)

    assert clock.run(tried()) < 30


async def _bug(world: World) -> tuple[Keyspace, str | None]:
    """What Redis holds, and what is told, where the fold can't take what is logged behind it."""
    worker = world.start(_PLACE)
    await asyncio.sleep(120)
    assert worker.alive
    worker.partition.stop()
    await asyncio.sleep(20)
    return world.keyspaces[_PLACE], worker.partition.halted


def test_where_the_fold_fails_redis_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, clears: list[float]
) -> None:
    """It may be the fold of a new release that is wrong, and what Redis shows is all that readers have then."""

    async def halted() -> tuple[bool, str | None]:
        world = await _folded()
        topic = world.topic("executions.log", _PLACE[1])
        at = int(world.keyspaces[_PLACE].position["log_offset"])
        last = next(one for one in topic.records if one.offset == at)
        again = parse_log_record(last.value or b"")
        follows = {**again.attributes, "inputoffset": again.offset + 1, "previousinputoffset": again.offset}
        topic.append([Outgoing(0, last.key, orjson.dumps({**follows, "data": orjson.loads(again.data)}))])
        before = dict(world.keyspaces[_PLACE].entities)

        def fails(*_: object) -> None:
            raise KeyError("a bug")

        monkeypatch.setattr(PartitionFold, "fold", fails)
        keys, why = await _bug(world)
        return keys.entities == before, why

    kept, why = clock.run(halted())
    assert kept
    assert "a bug" in (why or "")
    assert clears == []
