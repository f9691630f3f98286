"""The fold driven plainly, batch by batch, and all that comes of it: what other runs are held against."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import orjson

from libs.ledger.aggregate import Aggregate
from libs.ledger.entity import Entity
from libs.ledger.envelope import Origin, parse_log_record
from libs.ledger.intake import read_input, read_log
from libs.ledger.partition import PartitionFold
from libs.ledger.records import InputRecord, Outgoing, Reading, Routed
from libs.views.memory import Keyspace, MemoryStore
from libs.views.ownership import Ownership

S = TypeVar("S")
T = TypeVar("T")

EPOCH_MS = 1_780_081_200_000  # 2026-05-29T19:00:00Z


def at_once(call: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        call.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waited")


@dataclass
class Outcome:
    """What a partition's whole history came to, stream by stream, and what Redis would hold of it."""

    log: list[Outgoing] = field(default_factory=list)
    events: list[Outgoing] = field(default_factory=list)
    states: list[Outgoing] = field(default_factory=list)
    dead: list[Outgoing] = field(default_factory=list)
    notices: list[Routed] = field(default_factory=list)
    forwards: list[Routed] = field(default_factory=list)
    store: Keyspace = field(default_factory=Keyspace)
    counters: dict[str, int] = field(default_factory=dict)

    def last_states(self) -> dict[bytes | None, bytes | None]:
        """The state topic once compacted."""
        return {record.key: record.value for record in self.states}


def records_of(values: Iterable[bytes | None], key: bytes | None = None) -> list[InputRecord]:
    """Input records at offsets 0, 1, 2 …, a second apart."""
    return [InputRecord(at, EPOCH_MS + 1_000 * at, key, value) for at, value in enumerate(values)]


def fold_input(
    aggregate: Aggregate[S],
    records: Sequence[InputRecord],
    partition: int = 0,
    partitions: int = 1,
    cut: Random | None = None,
    history: int = 10_000,
) -> Outcome:
    """Fold an input partition; ``cut`` chooses the batches and when entities are forgotten and loaded again."""
    readings = [read_input(aggregate, partition, partitions, record) for record in records]
    return _fold(aggregate, readings, partition, cut, history)


def refold_log(
    aggregate: Aggregate[S],
    values: Sequence[bytes],
    partition: int = 0,
    cut: Random | None = None,
    history: int = 10_000,
) -> Outcome:
    """Fold a log again; the outcome has no log of its own."""
    readings = [read_log(aggregate, parse_log_record(value)) for value in values]
    return _fold(aggregate, readings, partition, cut, history)


def _fold(
    aggregate: Aggregate[S], readings: Sequence[Reading], partition: int, cut: Random | None, history: int
) -> Outcome:
    origin = Origin(aggregate.service, f"{aggregate.service}.in", partition)
    fold = PartitionFold(aggregate, origin)
    out = Outcome()
    store = MemoryStore(out.store, history, lambda: EPOCH_MS)
    own = at_once(store.take("plain"))
    entities: dict[str, Entity[S]] = {}
    for batch in _batches(readings, cut):
        _load(fold, entities, batch, store, own)
        folded = fold.fold(batch, entities)
        out.log += folded.log
        out.events += folded.events
        out.states += folded.states
        out.dead += folded.dead
        out.notices += folded.notices
        out.forwards += folded.forwards
        at_once(store.apply(own, folded, log_offset=-1))
        if cut is not None and cut.random() < 0.5:
            entities.clear()
    out.counters = dict(fold.counters)
    return out


def _batches(readings: Sequence[Reading], cut: Random | None) -> Iterable[Sequence[Reading]]:
    at = 0
    while at < len(readings):
        size = len(readings) if cut is None else cut.randrange(1, 8)
        yield readings[at : at + size]
        at += size


def _load(
    fold: PartitionFold[S],
    entities: dict[str, Entity[S]],
    batch: Sequence[Reading],
    store: MemoryStore,
    own: Ownership,
) -> None:
    _load_some(fold, entities, fold.concerned(batch), store, own)
    _load_some(fold, entities, fold.referred(batch, entities), store, own)


def _load_some(
    fold: PartitionFold[S],
    entities: dict[str, Entity[S]],
    subjects: Iterable[str],
    store: MemoryStore,
    own: Ownership,
) -> None:
    for subject in subjects:
        if subject in entities:
            continue
        fields = at_once(store.load(own, [subject]))[subject]
        entities[subject] = fold.recall(subject, fields) if fields else fold.new_entity(subject)


def verdicts(outcome: Outcome) -> list[str]:
    """The verdict on each input record, in order."""
    return [parse_log_record(record.value or b"").attributes["verdict"] for record in outcome.log]


def events(outcome: Outcome) -> list[tuple[str, dict[str, Any]]]:
    """Name and data of each derived event, in order."""
    read = [orjson.loads(record.value or b"") for record in outcome.events]
    return [(event["type"].removeprefix("stratafold.").removesuffix(".v1"), event["data"]) for event in read]
