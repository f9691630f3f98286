"""A crash after the log where the derived topics keep nothing any more: what was never published still is."""

from __future__ import annotations

import asyncio
from random import Random

import orjson
import pytest

from libs.contracts.partitions import partition_of
from libs.ledger.records import Outgoing
from libs.views.memory import Keyspace
from tests.libs.ledger.folding import fold_input
from tests.libs.ledger.histories import story
from tests.libs.runtime.simulation import clock
from tests.libs.runtime.simulation.schedule import AGGREGATES
from tests.libs.runtime.simulation.world import PARTITIONS, Topic, World

_PLACE = ("executions", 0)
_STREAMS = ("events", "dead")


def _halves() -> tuple[list[Outgoing], list[Outgoing]]:
    """An execution's first and second fact, each with a record that can't be read."""
    by_id: dict[str, list[bytes]] = {}
    for body in story(Random(3)).bodies():
        if partition_of(body["id"], PARTITIONS) == _PLACE[1]:
            by_id.setdefault(body["id"], []).append(orjson.dumps(body))
    first, second, *_ = next(facts for facts in by_id.values() if len(facts) > 1)
    return [Outgoing(0, None, first), Outgoing(0, None, b"{}")], [
        Outgoing(0, None, second),
        Outgoing(0, None, b"["),
    ]


async def _killed_after(milliseconds: int, redis_lost: bool) -> World:
    world = World(Random(milliseconds), {"executions": AGGREGATES["executions"]}, None)
    world.topics["executions.in", _PLACE[1]] = topic = Topic(world.rng)
    old, new = _halves()
    topic.append(old)
    worker = world.start(_PLACE)
    await asyncio.sleep(30)
    topic.append(new)
    # Weeks passed; where Redis says what is out, age excuses nothing that comes after.
    oldest_kept = topic.records[len(old)].recorded if redis_lost else topic.records[-1].recorded + 1
    for stream in _STREAMS:
        derived = world.topic(f"executions.{stream}", _PLACE[1])
        derived.begin, derived.gone_before = derived.end, oldest_kept
    await asyncio.sleep(milliseconds / 1000)
    worker.kill()
    if redis_lost:
        world.keyspaces[_PLACE].become(Keyspace())
    following = world.start(_PLACE)
    await asyncio.sleep(60)
    assert following.partition.ready
    assert following.partition.folded == topic.end - 1
    return world


@pytest.mark.parametrize("redis_lost", [False, True])
@pytest.mark.parametrize("milliseconds", range(0, 40, 2))
def test_what_was_logged_but_not_published_is_published(milliseconds: int, redis_lost: bool) -> None:
    """Wherever the worker was killed; and what was published before is not, for it went by its age."""
    world = clock.run(_killed_after(milliseconds, redis_lost))
    inputs = world.topic("executions.in", _PLACE[1]).records
    expected = fold_input(AGGREGATES["executions"], inputs, _PLACE[1], PARTITIONS)
    for stream, wanted in (("events", expected.events), ("dead", expected.dead)):
        topic = world.topic(f"executions.{stream}", _PLACE[1])
        assert {one.value for one in topic.since(topic.begin)} == {
            one.value for one in wanted if one.offset >= len(inputs) // 2
        }
    (topic,) = (topic for (name, _), topic in world.topics.items() if name == "operations.in")
    told = [one.value for one in topic.records]
    assert set(told) == {one.record.value for one in expected.notices}
    assert told.count(expected.notices[0].record.value) == 1
