"""The fold of one input partition: readings in, everything that must take effect out. Pure.

The result depends on the input's prefix alone, so that two workers that fold the same prefix write the
same bytes, and a refold of the log gives the same state as the first fold of the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import orjson

from libs.ledger.aggregate import Aggregate
from libs.ledger.digest import holds
from libs.ledger.document import Fields
from libs.ledger.entity import Entity, bookkeeping, bookkeeping_json, memory, recall
from libs.ledger.envelope import CONTENT_TYPE, Origin, derived_event, log_record
from libs.ledger.records import EntityWrite, Folded, Headers, Outgoing, Reading, Routed
from libs.ledger.times import rfc3339
from libs.ledger.verdict import SEQUENCED, Verdict

S = TypeVar("S")

COUNTERS: Final = (
    "in_total",
    *(f"{verdict}_total" for verdict in Verdict),
    "events_total",
    "entities",
    "disputed",
)
CAUSE: Final = "inputoffset"  # header of events and state: the input offset that a record comes from
FORWARDED_FROM: Final = "forwarded-from"
_LOG_HEADERS: Final[Headers] = [CONTENT_TYPE]
_JSON: Final = ("content-type", b"application/json")


def cause_headers(content_type: tuple[str, bytes], offset: int) -> Headers:
    """What recovery reads to find how far a derived topic reaches."""
    return [content_type, (CAUSE, str(offset).encode())]


@dataclass(slots=True)
class _Touched(Generic[S]):
    """An entity of the batch, and what the batch did to it."""

    entity: Entity[S]
    offset: int
    history: list[bytes] = field(default_factory=list)
    applied: bool = False
    entries: list[tuple[str, int, Fields]] = field(default_factory=list)


class Diverged(Exception):
    """A refold gives another sequence than the log: it began from a state that is not the log's."""


class PartitionFold(Generic[S]):
    """How far a partition is folded, and its counters; ``position`` is the input offset folded last, -1 for none."""

    def __init__(
        self,
        aggregate: Aggregate[S],
        origin: Origin,
        position: int = -1,
        counters: Mapping[str, int] | None = None,
    ) -> None:
        self.aggregate = aggregate
        self.origin = origin
        self.position = position
        self.counters: dict[str, int] = {name: (counters or {}).get(name, 0) for name in COUNTERS}
        self._service = origin.service.encode()

    def new_entity(self, subject: str) -> Entity[S]:
        """An entity of which nothing is known."""
        return Entity(subject, self.aggregate.initial(subject))

    def recall(self, subject: str, fields: Mapping[str, str]) -> Entity[S]:
        """The entity as its projection remembers it. Raises KeyError, ValueError where that is damaged."""
        try:
            entity = recall(subject, self.aggregate.restore(subject, fields), fields)
        except TypeError as why:  # JSON of another shape than was written
            raise ValueError(str(why)) from why
        view = self.aggregate.render(entity.state)
        entity.indexes, entity.optional = view.indexes, view.optional
        entity.weight = len(view.json) + len(entity.facts)
        return entity

    def fold(self, readings: Iterable[Reading], entities: Mapping[str, Entity[S]]) -> Folded:
        """Fold a batch in order; ``entities`` holds every subject of its facts and is brought up to date.

        A reading that was logged before gives no log record again, but all that follows from it.
        """
        out = Folded(previous=self.position, last=self.position, counters={})
        touched: dict[str, _Touched[S]] = {}
        for reading in readings:
            self._fold_one(reading, entities, touched, out)
            self.position = reading.about.offset
        out.last = self.position
        # In the order of their last change, so that the offsets in the headers rise.
        for one in sorted(touched.values(), key=_by_offset):
            self._finish(one, out)
        out.counters = dict(self.counters)
        return out

    def _fold_one(
        self,
        reading: Reading,
        entities: Mapping[str, Entity[S]],
        touched: dict[str, _Touched[S]],
        out: Folded,
    ) -> None:
        about, verdict, fact = reading.about, reading.verdict, reading.fact
        entity = None if fact is None or about.subject is None else entities[about.subject]
        if verdict is None and entity is not None and fact is not None:
            seen = holds(entity.facts, fact.digest)
            verdict = Verdict.DUPLICATE if seen else self.aggregate.fold(entity.state, fact)
        assert verdict is not None
        sequence = None
        if verdict in SEQUENCED:
            assert entity is not None
            assert fact is not None
            if entity.sequence == 0:
                self.counters["entities"] += 1
            disputed = entity.disputed
            sequence = entity.account(verdict, fact.digest, about.recorded, self.aggregate.memory)
            self.counters["disputed"] += entity.disputed - disputed
            if reading.logged is not None and reading.logged.attributes["sequence"] != sequence:
                raise Diverged(
                    f"{entity.subject}: {sequence} where the log has {reading.logged.attributes['sequence']}"
                )
        value = self._log(reading, verdict, sequence, out)
        self.counters["in_total"] += 1
        self.counters[f"{verdict}_total"] += 1
        if entity is not None and verdict in SEQUENCED:
            self._evolve(reading, entity, verdict, value, touched, out)
        elif verdict is Verdict.QUARANTINED:
            self._bury(reading, out)
        elif verdict is Verdict.FORWARDED:
            self._forward(reading, out)

    def _log(self, reading: Reading, verdict: Verdict, sequence: int | None, out: Folded) -> bytes:
        if reading.logged is not None:
            return reading.logged.value
        record, about = reading.record, reading.about
        assert record is not None
        if reading.invalid is None:
            data = record.value or b"null"
        else:
            why = reading.invalid
            data = orjson.dumps({"error": why.error, "detail": why.detail, "pointer": why.pointer})
        value = log_record(self.origin, about, verdict, sequence, self.position, data)
        key = record.key if about.routing_key is None else about.routing_key.encode()
        out.log.append(Outgoing(about.offset, key, value, _LOG_HEADERS))
        return value

    def _evolve(
        self,
        reading: Reading,
        entity: Entity[S],
        verdict: Verdict,
        value: bytes,
        touched: dict[str, _Touched[S]],
        out: Folded,
    ) -> None:
        about, fact = reading.about, reading.fact
        assert fact is not None
        before = entity.state
        after = self.aggregate.evolve(before, fact, verdict)
        entity.state = after
        one = touched.get(entity.subject)
        if one is None:
            one = touched[entity.subject] = _Touched(entity, about.offset)
        one.offset = about.offset
        one.history.append(value)
        one.applied = one.applied or verdict is Verdict.APPLIED
        for index, (name, data) in enumerate(self.aggregate.derive(before, after, fact, verdict), 1):
            entity.events += 1
            event = derived_event(self.origin, about, index, name, entity.events, data)
            headers = cause_headers(CONTENT_TYPE, about.offset)
            out.events.append(Outgoing(about.offset, entity.subject.encode(), event, headers))
            self.counters["events_total"] += 1
        one.entries += [(e.stream, entity.sequence, e.fields) for e in self.aggregate.enter(fact, verdict)]
        for service, routing_key, body in self.aggregate.notify(after, fact, verdict):
            notice = Outgoing(about.offset, routing_key.encode(), orjson.dumps(body))
            out.notices.append(Routed(f"{service}.in", routing_key, notice))

    def _bury(self, reading: Reading, out: Folded) -> None:
        """Write the rejected input to the dead letters; a refold can only where the input was fetched again."""
        why, about = reading.invalid, reading.about
        assert why is not None
        headers: Headers = [
            ("error", why.error.encode()),
            ("detail", why.detail.encode(errors="replace")),
            ("pointer", why.pointer.encode(errors="replace")),
            ("source", self.origin.place(about.offset).encode()),
            ("service", self._service),
            ("at", rfc3339(about.recorded).encode()),
        ]
        record = reading.record
        if record is not None:
            out.dead.append(Outgoing(about.offset, record.key, record.value, headers + record.headers))

    def _forward(self, reading: Reading, out: Folded) -> None:
        record, about = reading.record, reading.about
        if record is None:
            return  # a refold: it was appended before it was logged
        assert about.routing_key is not None
        headers = [*record.headers, (FORWARDED_FROM, self.origin.place(about.offset).encode())]
        copy = Outgoing(about.offset, about.routing_key.encode(), record.value, headers)
        out.forwards.append(Routed(f"{self.origin.service}.in", about.routing_key, copy))

    def _finish(self, one: _Touched[S], out: Folded) -> None:
        entity = one.entity
        now = self.aggregate.render(entity.state)
        removed = sorted(entity.optional - now.optional)
        kept = bookkeeping(entity)
        fields = now.fields | kept | memory(entity)
        joins = sorted(now.indexes) if one.applied else []
        leaves = sorted(entity.indexes - now.indexes)
        entity.indexes, entity.optional = now.indexes, now.optional
        score = entity.applied_at if one.applied else None
        out.writes.append(
            EntityWrite(entity.subject, fields, removed, one.history, joins, leaves, score, one.entries)
        )
        value = now.json[:-1] + b"," + bookkeeping_json(entity, kept) + b"}"
        entity.weight = len(value) + len(entity.facts)
        out.states.append(
            Outgoing(one.offset, entity.subject.encode(), value, cause_headers(_JSON, one.offset))
        )


def _by_offset(one: _Touched[S]) -> int:
    return one.offset
