"""What an owner appends to ``.state`` where others wrote: the present states, and nothing that may be too old."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Any, Final

import orjson
import pytest

from libs.ledger.envelope import Origin
from libs.ledger.partition import PartitionFold
from libs.ledger.records import InputRecord, Outgoing
from libs.runtime.patience import Patience
from libs.runtime.states import UNKNOWN, Overtaken, mend
from libs.views.memory import MemoryStore
from libs.views.ownership import Ownership
from services.executions import AGGREGATE
from tests.libs.ledger import histories
from tests.libs.ledger.folding import EPOCH_MS, at_once, fold_input, records_of

_FOLDED: Final = 4  # inputs that the owner knows, of all that there are


def _inputs() -> list[InputRecord]:
    """Two executions' histories in turn, the second one's first fact behind what the owner has folded."""
    rng = Random(1)
    stories = [body for _ in range(9) for body in histories.story(rng).bodies()]
    by_id: dict[str, list[dict[str, Any]]] = {}
    for body in stories:
        by_id.setdefault(body["id"], []).append(body)
    long = [bodies for bodies in by_id.values() if len(bodies) > 1]
    bodies = [body for one in long[:3] for body in one[:2]]
    return records_of([orjson.dumps(body) for body in bodies])


class _Kafka:
    """A partition's log and states, for reading and appending."""

    def __init__(self, log: Sequence[Outgoing], states: Sequence[Outgoing]) -> None:
        self.log = [record.value or b"" for record in log]
        self.states = list(states)
        self.on_append: list[bytes] = []  # log records that others append while we append states

    async def log_bounds(self) -> tuple[int, int]:
        return 0, len(self.log)

    async def read_log(self, start: int, end: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        if start < end:
            yield list(enumerate(self.log))[start:end]

    async def state_bounds(self) -> tuple[int, int]:
        return 0, len(self.states)

    async def state_keys(self, start: int, end: int) -> set[bytes]:
        return {record.key or b"" for record in self.states[start:end]}

    async def append(self, _stream: str, _partition: int, records: list[Outgoing]) -> int:
        self.states += records
        self.log += self.on_append
        return len(self.states) - 1


class _Owner:
    """Who has folded the first inputs, and finds all the states that ``kafka`` has."""

    def __init__(self) -> None:
        inputs = _inputs()
        self.whole = fold_input(AGGREGATE, inputs, cut=Random(2))
        known = fold_input(AGGREGATE, inputs[:_FOLDED], cut=Random(2))
        self.known = known.last_states()
        self.kafka = _Kafka(self.whole.log[:_FOLDED], self.whole.states)
        self.store = MemoryStore(known.store, 100, lambda: EPOCH_MS)
        self.own: Ownership = at_once(self.store.take("owner"))
        self.own.log_offset = _FOLDED - 1
        self.fold = PartitionFold(AGGREGATE, Origin("executions", "executions.in", 0), _FOLDED - 1)

    async def mend(self, since: int = UNKNOWN) -> int:
        kafka: Any = self.kafka
        return await mend(self.fold, self.own, since, self.store, kafka, kafka, Patience(_yes, 5.0))


async def _yes() -> bool:
    return True


async def test_the_present_states_follow_what_others_wrote() -> None:
    owner = _Owner()
    before = len(owner.kafka.states)
    end = await owner.mend()
    appended = {record.key: record.value for record in owner.kafka.states[before:]}
    assert end == len(owner.kafka.states)
    assert appended == owner.known


async def test_an_entity_that_redis_lacks_is_left_alone() -> None:
    """A worker that slept through its making would remove it for good."""
    owner = _Owner()
    assert owner.whole.last_states().keys() > owner.known.keys()
    before = len(owner.kafka.states)
    await owner.mend()
    assert all(record.value is not None for record in owner.kafka.states[before:])


async def test_where_only_such_entities_are_found_nothing_is_written() -> None:
    owner = _Owner()
    owner.kafka.states = [one for one in owner.kafka.states if one.key not in owner.known]
    before = list(owner.kafka.states)
    assert await owner.mend() == len(before)
    assert owner.kafka.states == before


@pytest.mark.parametrize("amid", [False, True], ids=["before", "amid"])
async def test_what_may_be_too_old_is_not_taken_for_right(amid: bool) -> None:
    """The log went on: whoever wrote it wrote states as well, and newer ones than ours."""
    owner = _Owner()
    following = owner.whole.log[_FOLDED].value or b""
    if amid:
        owner.kafka.on_append.append(following)
    else:
        owner.kafka.log.append(following)
    with pytest.raises(Overtaken):
        await owner.mend()


async def test_doubles_in_the_log_say_nothing() -> None:
    """What a zombie repeats is nobody's progress."""
    owner = _Owner()
    owner.kafka.log += owner.kafka.log[1:]
    assert await owner.mend() == len(owner.kafka.states)
