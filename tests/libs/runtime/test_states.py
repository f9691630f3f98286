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
from libs.runtime import states
from libs.runtime.patience import Patience
from libs.runtime.states import UNKNOWN, Overtaken, mend
from libs.views.memory import MemoryStore
from libs.views.ownership import NotOurs, Ownership
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


def _crowd(count: int) -> list[InputRecord]:
    """The first facts of many executions, whose subjects ascend."""
    body = next(body for body in histories.story(Random(1)).bodies())
    ids = (f"00000000-0000-4000-8000-{number:012x}" for number in range(count))
    return records_of([orjson.dumps({**body, "id": one}) for one in ids])


class _Kafka:
    """A partition's log and states, for reading and appending."""

    def __init__(self, log: Sequence[Outgoing], states: Sequence[Outgoing]) -> None:
        self.log = [record.value or b"" for record in log]
        self.states = list(states)
        self.on_append: list[bytes] = []  # log records that others append while we append states
        self.before_append: list[list[Outgoing]] = []  # states that others append before each append of ours
        self.amid_append: list[Outgoing] = []  # those that land behind the first record of an append of ours
        self.ours: list[list[Outgoing]] = []  # what one call appended
        self.looks: list[tuple[int, int]] = []

    async def log_bounds(self) -> tuple[int, int]:
        return 0, len(self.log)

    async def read_log(self, start: int, end: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        if start < end:
            yield list(enumerate(self.log))[start:end]

    async def state_bounds(self) -> tuple[int, int]:
        return 0, len(self.states)

    async def state_keys(self, start: int, end: int) -> set[bytes]:
        self.looks.append((start, end))
        return {record.key or b"" for record in self.states[start:end]}

    async def append(self, _stream: str, _partition: int, records: list[Outgoing]) -> int:
        if self.before_append:
            self.states += self.before_append.pop(0)
        self.ours.append(records)
        self.states += records
        if self.amid_append:
            self.states.insert(1 - len(records), self.amid_append.pop())
        self.log += self.on_append
        return len(self.states) - 1


class _Owner:
    """Who has folded the first inputs, and finds all the states that ``kafka`` has."""

    def __init__(self, inputs: list[InputRecord] | None = None, folded: int = _FOLDED) -> None:
        inputs = inputs or _inputs()
        self.whole = fold_input(AGGREGATE, inputs, cut=Random(2))
        known = fold_input(AGGREGATE, inputs[:folded], cut=Random(2))
        self.known = known.last_states()
        self.kafka = _Kafka(self.whole.log[:folded], self.whole.states)
        self.store = MemoryStore(known.store, 100, lambda: EPOCH_MS)
        self.own: Ownership = at_once(self.store.take("owner"))
        self.own.log_offset = folded - 1
        self.fold = PartitionFold(AGGREGATE, Origin("executions", "executions.in", 0), folded - 1)

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


_CROWD: Final = 20
_AT_ONCE: Final = 4


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd is mended by many appends, and found by several looks."""
    monkeypatch.setattr(states, "READ_AT_ONCE", 8)
    monkeypatch.setattr(states, "AT_ONCE", _AT_ONCE)


def _crowded() -> _Owner:
    return _Owner(_crowd(_CROWD), _CROWD)


def _last_states(owner: _Owner, end: int | None = None) -> dict[bytes | None, bytes | None]:
    return {record.key: record.value for record in owner.kafka.states[:end]}


def _older(record: Outgoing) -> Outgoing:
    return Outgoing(record.offset, record.key, b'{"sequence":0}')


@pytest.mark.usefixtures("small")
async def test_of_many_entities_few_states_are_held_at_once() -> None:
    owner = _crowded()
    owner.kafka.states = [_older(one) for one in owner.kafka.states]
    end = await owner.mend(0)
    assert end == len(owner.kafka.states) == 2 * _CROWD
    assert {len(records) for records in owner.kafka.ours} == {_AT_ONCE}
    assert all(stop - start <= 8 for start, stop in owner.kafka.looks)
    assert _last_states(owner) == owner.known


@pytest.mark.usefixtures("small")
async def test_what_was_appended_is_not_looked_at_again_unless_others_wrote_meanwhile() -> None:
    owner = _crowded()
    await owner.mend(0)
    assert owner.kafka.looks[-1][1] == _CROWD


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("whose", [0, _CROWD - 1], ids=["of one already mended", "of one still to be mended"])
@pytest.mark.parametrize("turn", range(_CROWD // _AT_ONCE))
async def test_what_others_wrote_between_two_appends_is_followed_too(turn: int, whose: int) -> None:
    owner = _crowded()
    older = _older(owner.kafka.states[whose])
    owner.kafka.before_append = [[older] if one == turn else [] for one in range(turn + 1)]
    end = await owner.mend(0)
    assert end == len(owner.kafka.states)
    assert _last_states(owner) == owner.known


@pytest.mark.usefixtures("small")
async def test_what_others_wrote_amid_an_append_is_followed_too() -> None:
    """An append may go out in several requests."""
    owner = _crowded()
    owner.kafka.amid_append = [_older(owner.kafka.states[0])]
    end = await owner.mend(0)
    assert end == len(owner.kafka.states)
    assert _last_states(owner) == owner.known


@pytest.mark.usefixtures("small")
async def test_a_sleeper_who_writes_before_every_append_is_outlasted() -> None:
    owner = _crowded()
    owner.kafka.before_append = [[_older(one)] for one in owner.kafka.states]
    end = await owner.mend(0)
    assert not owner.kafka.before_append
    assert end == len(owner.kafka.states)
    assert _last_states(owner) == owner.known


@pytest.mark.parametrize("seed", range(100))
async def test_before_the_end_that_is_told_all_is_right_whenever_others_wrote(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Before, amid and behind our records; what comes behind that end is found by whoever watches it."""
    rng = Random(seed)
    for limit in ("READ_AT_ONCE", "AT_ONCE", "REMEMBERED"):
        monkeypatch.setattr(states, limit, rng.randrange(1, 12))
    owner = _crowded()
    theirs = [_older(rng.choice(owner.kafka.states)) for _ in range(rng.randrange(1, 40))]
    kafka: Any = owner.kafka

    async def append(_stream: str, _partition: int, records: list[Outgoing]) -> int:
        for record in records:
            while theirs and rng.random() < 0.2:
                kafka.states.append(theirs.pop())
            kafka.states.append(record)
        last = len(kafka.states) - 1
        while theirs and rng.random() < 0.2:
            kafka.states.append(theirs.pop())
        return last

    kafka.append = append
    end = await owner.mend(0)
    assert _last_states(owner, end) == owner.known


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("remembered", [5, 100])
async def test_who_has_many_records_gets_few_more(monkeypatch: pytest.MonkeyPatch, remembered: int) -> None:
    monkeypatch.setattr(states, "REMEMBERED", remembered)
    owner = _crowded()
    once = list(owner.kafka.states)
    owner.kafka.states = [_older(once[0])] * 40 + once + [_older(one) for one in once[:2]]
    await owner.mend(0)
    doubles = sum(map(len, owner.kafka.ours)) - _CROWD
    assert doubles == 0 if remembered == 100 else 0 < doubles <= 3
    assert _last_states(owner) == owner.known


@pytest.mark.usefixtures("small")
async def test_whose_the_partition_is_is_asked_before_every_append() -> None:
    """A worker that is frozen between two of them may be nobody's any more."""
    owner = _crowded()
    kafka: Any = owner.kafka
    append = kafka.append

    async def taken_after(*arguments: Any) -> Any:
        last = await append(*arguments)
        if len(owner.kafka.ours) == 2:
            await owner.store.take("another")
        return last

    kafka.append = taken_after
    with pytest.raises(NotOurs):
        await owner.mend(0)
    assert len(owner.kafka.ours) == 2


@pytest.mark.usefixtures("small")
async def test_many_that_redis_lacks_are_told_of_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(states.logger, "warning", lambda _, **fields: lines.append(fields), raising=False)
    owner = _crowded()
    owner.kafka.states += [Outgoing(0, b"nobody-%d" % one, b"{}") for one in range(30)]
    await owner.mend(0)
    assert [(len(one["subjects"]), one["of"]) for one in lines] == [(5, 30)]
