"""The fold of one input partition: readings in, everything that must take effect out. Pure.

The result depends on the input's prefix alone, so that two workers that fold the same prefix write the
same bytes, and a refold of the log gives the same state as the first fold of the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

import orjson

from libs.contracts.names import companion_of
from libs.contracts.traceparent import record_headers
from libs.ledger.aggregate import Aggregate, Derived, View
from libs.ledger.digest import holds
from libs.ledger.document import Fields
from libs.ledger.entity import Entity, bookkeeping, bookkeeping_json, memory, recall
from libs.ledger.envelope import CONTENT_TYPE, NO_ATTRIBUTES, About, Origin, derived_event, log_record
from libs.ledger.invalid import Invalid
from libs.ledger.records import EntityWrite, Folded, Headers, Outgoing, Reading, Routed
from libs.ledger.tallies import add
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
_COUNTER: Final = {verdict: f"{verdict}_total" for verdict in Verdict}
CAUSE: Final = "inputoffset"  # header of events and state: the input offset that a record comes from
FORWARDED_FROM: Final = "forwarded-from"
_LOG_HEADERS: Final[Headers] = [CONTENT_TYPE]
_JSON: Final = ("content-type", b"application/json")


def cause_headers(content_type: tuple[str, bytes], offset: int) -> Headers:
    """What recovery reads to find how far a derived topic reaches."""
    return [content_type, (CAUSE, b"%d" % offset)]


def cause_of(headers: Iterable[tuple[str, bytes | None]]) -> int:
    """The input offset that a record of ``events``, ``state`` or ``dead`` says it comes from, -1 where it says none."""
    for name, value in headers:
        if name in (CAUSE, "source"):  # a dead letter's source is topic/partition/offset
            try:
                return int((value or b"").rpartition(b"/")[2])
            except ValueError:
                return -1
    return -1


def state_record(subject: str, value: bytes | None, offset: int) -> Outgoing:
    """A record of ``.state``: an entity's document, None where it is no more, as of an input offset."""
    return Outgoing(offset, subject.encode(), value, cause_headers(_JSON, offset))


@dataclass(slots=True)
class _Touched(Generic[S]):
    """An entity of the batch, and what the batch did to it."""

    entity: Entity[S]
    offset: int
    history: list[bytes] = field(default_factory=list)
    applied: bool = False
    entries: list[tuple[str, int, Fields]] = field(default_factory=list)


@dataclass(slots=True)
class _Shared:
    """The companion of an input's entity, what it was before the input, and what the log record says of it."""

    companion: Entity[Any]
    before: Any
    extension: Mapping[str, int | str]


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
        self.counters: dict[str, int] = {**dict.fromkeys(COUNTERS, 0), **(counters or {})}
        self._service = origin.service.encode()

    def concerned(self, readings: Iterable[Reading]) -> list[str]:
        """The subjects that a batch's facts act on, companions among them."""
        subjects = []
        for reading in readings:
            about = reading.about
            if reading.fact is None:
                continue
            if about.subject is not None:
                subjects.append(about.subject)
            companion = self._companion(reading)
            if companion is not None:
                subjects.append(companion)
        return subjects

    def referred(self, readings: Iterable[Reading], entities: Mapping[str, Entity[Any]]) -> list[str]:
        """The subjects that facts don't name themselves, as far as the companions know them before the batch.

        What they come to know amid it is of entities that the batch itself speaks of.
        """
        subjects = []
        for reading in readings:
            companion, fact = self._companion(reading), reading.fact
            if companion is not None and fact is not None and reading.about.subject is None:
                with suppress(Invalid):
                    subjects.append(self.aggregate.find(entities[companion].state, fact))
        return subjects

    def _companion(self, reading: Reading) -> str | None:
        routing_key = reading.about.routing_key
        if self.aggregate.companion is None or reading.fact is None or routing_key is None:
            return None
        return companion_of(self.aggregate.service, routing_key)

    def new_entity(self, subject: str) -> Entity[S]:
        """An entity of which nothing is known."""
        return Entity(subject, self.aggregate.part(subject).initial(subject))

    def recall(self, subject: str, fields: Mapping[str, str]) -> Entity[S]:
        """The entity as its projection remembers it. Raises KeyError, ValueError where that is damaged."""
        try:
            entity = recall(subject, self.aggregate.part(subject).restore(subject, fields), fields)
            view = self.aggregate.part(subject).render(entity.state)
        except (TypeError, AttributeError) as why:  # JSON of another shape than was written
            raise ValueError(str(why)) from why
        entity.indexes, entity.optional = view.indexes, view.optional
        entity.tables, entity.gone = view.tables, view.gone
        entity.weight = 2 * len(view.json) + len(entity.facts)
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
        for one in sorted(touched.values(), key=attrgetter("offset")):
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
        if reading.fact is not None:
            self._place(reading, entities)
        about, verdict, fact = reading.about, reading.verdict, reading.fact
        entity = None if fact is None or about.subject is None else entities[about.subject]
        if verdict is None and entity is not None and fact is not None:
            seen = holds(entity.facts, fact.digest)
            part = self.aggregate.part(entity.subject)
            verdict = Verdict.DUPLICATE if seen else part.fold(entity.state, fact)
        assert verdict is not None
        sequence, shared = None, None
        sequenced = verdict in SEQUENCED
        if sequenced:
            assert entity is not None
            assert fact is not None
            if entity.sequence == 0 and self.aggregate.part(entity.subject) is self.aggregate:
                self.counters["entities"] += 1
            disputed = entity.disputed
            sequence = entity.account(verdict, fact.digest, about.recorded, self.aggregate.memory)
            self.counters["disputed"] += entity.disputed - disputed
            if reading.logged is not None and reading.logged.attributes["sequence"] != sequence:
                raise Diverged(
                    f"{entity.subject}: {sequence} where the log has {reading.logged.attributes['sequence']}"
                )
            shared = self._share(reading, verdict, entities)
        value = self._log(reading, verdict, sequence, shared, out)
        self.counters["in_total"] += 1
        self.counters[_COUNTER[verdict]] += 1
        if entity is not None and sequenced:
            told = self._evolve(reading, entity, verdict, value, touched, out)
            if shared is not None:
                self._accompany(reading, shared, verdict, told, touched, out)
        elif verdict is Verdict.QUARANTINED:
            self._bury(reading, out)
        elif verdict is Verdict.FORWARDED:
            self._forward(reading, out)

    def _place(self, reading: Reading, entities: Mapping[str, Entity[Any]]) -> None:
        """Tell a fact where and when it came, and what its companion is; find out whose it is. May refuse it."""
        about, fact, companion = reading.about, reading.fact, self._companion(reading)
        assert fact is not None
        fact.place, fact.recorded = self.origin.place(about.offset), about.recorded
        if companion is None:
            return
        fact.context = entities[companion].state
        if about.subject is None:
            try:
                about.subject = self.aggregate.find(fact.context, fact)
            except Invalid as invalid:
                reading.verdict, reading.invalid, reading.fact = Verdict.QUARANTINED, invalid, None

    def _share(
        self, reading: Reading, verdict: Verdict, entities: Mapping[str, Entity[Any]]
    ) -> _Shared | None:
        """Let the companion have the fact first, for the entity is told what has become of it."""
        part, subject, fact = self.aggregate.companion, self._companion(reading), reading.fact
        if part is None or subject is None or subject == reading.about.subject:
            return None
        assert fact is not None
        companion = entities[subject]
        before = companion.state
        companion.state = fact.context = part.evolve(before, fact, verdict)
        return _Shared(companion, before, part.extend(before, companion.state))

    def _log(
        self, reading: Reading, verdict: Verdict, sequence: int | None, shared: _Shared | None, out: Folded
    ) -> bytes:
        if reading.logged is not None:
            return reading.logged.value
        record, about = reading.record, reading.about
        assert record is not None
        if reading.invalid is None:
            data = record.value or b"null"
        else:
            why = reading.invalid
            data = orjson.dumps({"error": why.error, "detail": why.detail, "pointer": why.pointer})
        extension = NO_ATTRIBUTES if shared is None else shared.extension
        value = log_record(self.origin, about, verdict, sequence, self.position, data, extension)
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
    ) -> int:
        """Change the entity and tell what follows; how many events that were."""
        about, fact = reading.about, reading.fact
        assert fact is not None
        part = self.aggregate.part(entity.subject)
        before = entity.state
        after = part.evolve(before, fact, verdict)
        entity.state = after
        one = touched.get(entity.subject)
        if one is None:
            one = touched[entity.subject] = _Touched(entity, about.offset)
        one.offset = about.offset
        one.history.append(value)
        one.applied = one.applied or verdict is Verdict.APPLIED
        derived = part.derive(before, after, fact, verdict)
        self._tell(about, entity, derived, 0, out)
        for tally in part.tally(before, after, derived):
            add(self.counters, tally)
        for stream, fields in part.enter(fact, verdict):
            one.entries.append((stream, entity.sequence, fields))
        for service, routing_key, body in part.notify(after, fact, verdict):
            headers = record_headers(about.traceparent)
            notice = Outgoing(about.offset, routing_key.encode(), orjson.dumps(body), headers)
            out.notices.append(Routed(f"{service}.in", routing_key, notice))
        return len(derived)

    def _accompany(
        self,
        reading: Reading,
        shared: _Shared,
        verdict: Verdict,
        told: int,
        touched: dict[str, _Touched[S]],
        out: Folded,
    ) -> None:
        """Keep what the companion has become, and tell what follows from that."""
        part, about, fact, companion = self.aggregate.companion, reading.about, reading.fact, shared.companion
        assert part is not None
        assert fact is not None
        companion.first_recorded = companion.first_recorded or about.recorded
        companion.last_recorded = about.recorded
        one = touched.setdefault(companion.subject, _Touched(companion, about.offset))
        one.offset = about.offset
        derived = part.derive(shared.before, companion.state, fact, verdict)
        self._tell(about, companion, derived, told, out)
        for tally in part.tally(shared.before, companion.state, derived):
            add(self.counters, tally)

    def _tell(
        self, about: About, entity: Entity[Any], derived: Sequence[Derived], told: int, out: Folded
    ) -> None:
        """Events of an entity; ``told`` is how many the input has led to before."""
        if not derived:
            return
        subject = None if entity.subject == about.subject else entity.subject
        key, headers = entity.subject.encode(), cause_headers(CONTENT_TYPE, about.offset)
        for index, (name, data) in enumerate(derived, told + 1):
            entity.events += 1
            event = derived_event(self.origin, about, index, name, entity.events, data, subject)
            out.events.append(Outgoing(about.offset, key, event, headers))
        self.counters["events_total"] += len(derived)

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
        part = self.aggregate.part(entity.subject)
        now = part.render(entity.state)
        removed = sorted(entity.optional - now.optional) if entity.optional else []
        kept = bookkeeping(entity)
        fields = {**now.fields, **kept, **memory(entity)}
        joins = sorted(now.indexes) if one.applied else []
        leaves = sorted(entity.indexes - now.indexes) if entity.indexes else []
        tables, names = _changed_rows(entity.tables, now.tables), sorted(entity.tables)
        was_gone = entity.gone
        entity.indexes, entity.optional = now.indexes, now.optional
        entity.tables, entity.gone = now.tables, now.gone
        score = entity.applied_at if one.applied else None
        write = (
            EntityWrite(entity.subject, fields, [], [], [], leaves, None, gone=["log", *names])
            if now.gone
            else EntityWrite(
                entity.subject, fields, removed, one.history, joins, leaves, score, one.entries, tables
            )
        )
        write.new, entity.known = not entity.known, True
        out.writes.append(write)
        entity.weight = 2 * len(now.json) + len(entity.facts)
        if part is not self.aggregate:
            return  # a companion has no document of its own: it is no entity of the service
        if not (now.gone and was_gone):
            out.states.append(state_record(entity.subject, _document(now, entity, kept), one.offset))

    def document(self, entity: Entity[S]) -> bytes | None:
        """What ``.state`` has of an entity: its projection as JSON, None where it was deleted."""
        return _document(
            self.aggregate.part(entity.subject).render(entity.state), entity, bookkeeping(entity)
        )


def _document(now: View, entity: Entity[Any], kept: Fields) -> bytes | None:
    return None if now.gone else b"%b,%b}" % (now.json[:-1], bookkeeping_json(entity, kept))


def _changed_rows(
    before: Mapping[str, Fields], after: Mapping[str, Fields]
) -> list[tuple[str, Fields, list[str]]]:
    """Of each table the rows that came or changed, and those that went; nothing of a table that stayed the same."""
    changed: list[tuple[str, Fields, list[str]]] = []
    if not before and not after:
        return changed
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name, {}), after.get(name, {})
        rows = {row: text for row, text in now.items() if was.get(row) != text}
        went = sorted(was.keys() - now.keys())
        if rows or went:
            changed.append((name, rows, went))
    return changed
