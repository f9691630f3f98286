"""What a partition's input and log amount to, folded with nothing else at hand. Pure.

Entities stay whole and in memory, so that a fault in writing them to Redis and reading them back shows; of all
else only fingerprints and times are kept: some 2 kB an entity and its body, and 30 to 50 bytes a record.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from struct import Struct
from typing import Any, Final, Generic, NamedTuple, TypeVar

from libs.contracts.partitions import partition_of
from libs.ledger.aggregate import Aggregate
from libs.ledger.entity import Entity, bookkeeping, memory
from libs.ledger.envelope import Origin
from libs.ledger.partition import CAUSE, PartitionFold
from libs.ledger.records import Folded, Outgoing, Reading, Routed
from libs.runtime.verification.debts import DebtBook
from libs.runtime.verification.findings import Kind
from libs.runtime.verification.fingerprint import fingerprint, of_entry, of_record

S = TypeVar("S")

GONE: Final = -1  # in the place of a mark: the topic must have nothing but a tombstone
OWN_HEADERS: Final = 6  # of a dead letter; the input's own come after them
_EVENT: Final = Struct("<QQ")  # fingerprint, input offset
_ENTRY: Final = Struct("<Q")


class Letter(NamedTuple):
    """An expected dead letter; where the input is gone (``whole`` False) only our own headers can be told."""

    mark: int
    whole: bool


class Document(NamedTuple):
    """A state document, and the input offset as of which it is one; the mark is of all but that."""

    mark: int
    cause: int

    @classmethod
    def of(cls, record: Any, cause: int) -> Document:
        """That of a record which was read, or is to be appended."""
        if record.value is None:
            return cls(GONE, cause)
        headers = [(name, value) for name, value in record.headers if name != CAUSE]
        return cls(fingerprint(record.key, record.value, headers), cause)


class Expectation(Generic[S]):
    """Grows with every batch folded; ``position`` is the input offset folded last."""

    def __init__(
        self, aggregate: Aggregate[S], origin: Origin, partitions: int, history: int, debts: DebtBook
    ) -> None:
        self._aggregate = aggregate
        self._fold = PartitionFold(aggregate, origin)
        self._partitions = partitions
        self._history = history
        self._debts = debts
        self._origin = origin
        self._histories: dict[str, bytearray] = {}
        self._streams: dict[str, dict[str, bytearray]] = {}
        self._events: dict[str, bytearray] = {}
        self._members: dict[str, dict[str, int]] = {}
        self._memberships: dict[str, frozenset[tuple[str, str]]] = {}
        self._stale: set[str] = set()
        self._times = array("q")  # the broker's, one after the other
        self._timed = array("q")  # the input offset from which on each holds
        self.settled: int | None = None
        self.entities: dict[str, Entity[S]] = {}
        self.letters: dict[int, Letter] = {}
        self.documents: dict[str, Document] = {}
        self.earlier: dict[str, Document | None] = {}

    @property
    def position(self) -> int:
        """The input offset folded last, -1 for none."""
        return self._fold.position

    @property
    def counters(self) -> dict[str, str]:
        """The counters as Redis keeps them; none before the first record."""
        if self.position < 0:
            return {}
        return {name: str(value) for name, value in self._fold.counters.items()}

    @property
    def known(self) -> list[str]:
        """The ids of all that was ever written, deleted ones and companions among them."""
        return [subject for subject, entity in self.entities.items() if entity.known]

    def settle(self) -> None:
        """From here on records may still be on their way: what was due up to now must have taken effect."""
        self.settled = self.position

    def take(self, readings: list[Reading], remembered: set[int]) -> dict[int, Outgoing]:
        """Fold on; the log records by input offset. ``remembered`` are those whose input is gone."""
        for subject in self._fold.concerned(readings):
            if subject not in self.entities:
                self.entities[subject] = self._fold.new_entity(subject)
        recorded = {reading.about.offset: reading.about.recorded for reading in readings}
        for offset, at in recorded.items():
            if not self._times or self._times[-1] != at:
                self._times.append(at)
                self._timed.append(offset)
        folded = self._fold.fold(readings, self.entities)
        self._remember(folded, remembered)
        if self.settled is None:
            self._owe(Kind.COPY_MISSING, folded.forwards, recorded, remembered)
            self._owe(Kind.NOTICE_MISSING, folded.notices, recorded, set())
        return {record.offset: record for record in folded.log}

    def recorded(self, offset: int) -> int:
        """The broker's time (ms) of an input record that was folded."""
        return self._times[bisect_right(self._timed, offset) - 1]

    def _remember(self, folded: Folded, remembered: set[int]) -> None:
        for write in folded.writes:
            if write.gone:
                self._histories.pop(write.subject, None)
                self._streams.pop(write.subject, None)
                self._stale.add(write.subject)
                continue
            history = self._histories.setdefault(write.subject, bytearray())
            for value in write.history:
                history += _ENTRY.pack(fingerprint(None, value))
            del history[: -self._history * _ENTRY.size]
            for name, sequence, fields in write.entries:
                stream = self._streams.setdefault(write.subject, {}).setdefault(name, bytearray())
                stream += _ENTRY.pack(of_entry(f"{sequence}-0", fields))
                del stream[: -self._history * _ENTRY.size]
            self._stale.add(write.subject)
        for event in folded.events:
            subject = (event.key or b"").decode()
            events = self._events.setdefault(subject, bytearray())
            events += _EVENT.pack(of_record(event), event.offset)
        for state in folded.states:
            subject = (state.key or b"").decode()
            if self.settled is not None and subject not in self.earlier:
                self.earlier[subject] = self.documents.get(subject)
            self.documents[subject] = Document.of(state, state.offset)
        for letter in folded.dead:
            whole = letter.offset not in remembered
            mark = of_record(letter) if whole else fingerprint(None, None, letter.headers[:OWN_HEADERS])
            self.letters[letter.offset] = Letter(mark, whole)

    def _owe(
        self, kind: Kind, routed: Iterable[Routed], recorded: Mapping[int, int], remembered: set[int]
    ) -> None:
        for one in routed:
            offset = one.record.offset
            if offset not in remembered:
                target = partition_of(one.routing_key, self._partitions)
                debts = self._debts.of(one.topic, target, kind)
                debts.add(of_record(one.record), self._origin.partition, offset, recorded[offset])

    def fields(self, subject: str) -> dict[bytes, bytes]:
        """An entity's hash as Redis must have it."""
        entity = self.entities[subject]
        fields = (
            self._aggregate.part(subject).render(entity.state).fields | bookkeeping(entity) | memory(entity)
        )
        return {name.encode(): value.encode() for name, value in fields.items()}

    def history(self, subject: str) -> list[int]:
        """The fingerprints of an entity's history, as much of it as Redis keeps."""
        return [mark for (mark,) in _ENTRY.iter_unpack(self._histories.get(subject, b""))]

    def streams(self, subject: str) -> dict[str, list[int]]:
        """The fingerprints of the entries of each of an entity's streams, as many as Redis keeps."""
        streams = self._streams.get(subject, {})
        return {name: [mark for (mark,) in _ENTRY.iter_unpack(marks)] for name, marks in streams.items()}

    def tables(self, subject: str) -> dict[str, dict[bytes, bytes]]:
        """The rows of the hashes beside an entity's own, by name; none that is empty."""
        tables = self._aggregate.part(subject).render(self.entities[subject].state).tables
        return {
            name: {row.encode(): text.encode() for row, text in rows.items()}
            for name, rows in tables.items()
            if rows
        }

    def gone(self, subject: str) -> bool:
        """Whether the entity was deleted: what is kept of it lies under another key."""
        return self.entities[subject].gone

    def events(self, subject: str) -> list[tuple[int, int]]:
        """The fingerprints and input offsets of a subject's events, in the order of their sequence."""
        return list(_EVENT.iter_unpack(self._events.get(subject, b"")))

    def event(self, subject: str, sequence: int) -> int | None:
        """The fingerprint of one event, None where there is none."""
        events = self._events.get(subject)
        at = (sequence - 1) * _EVENT.size
        if events is None or not 0 <= at < len(events):
            return None
        mark: int = _EVENT.unpack_from(events, at)[0]
        return mark

    def subjects_with_events(self) -> Iterable[str]:
        """Those that derived events speak of."""
        return self._events

    def indexes(self) -> dict[str, dict[str, int]]:
        """The sorted sets' names (``status:settled``) and their members with scores in ms, none of them empty."""
        for subject in self._stale:
            entity = self.entities[subject]
            score = entity.applied_at
            now = (
                frozenset[tuple[str, str]]()
                if score is None
                else self._aggregate.part(subject).render(entity.state).indexes
            )
            for name, value in self._memberships.get(subject, frozenset()) - now:
                members = self._members[f"{name}:{value}"]
                del members[subject]
                if not members:
                    del self._members[f"{name}:{value}"]
            for name, value in now:
                self._members.setdefault(f"{name}:{value}", {})[subject] = score or 0
            self._memberships[subject] = now
        self._stale.clear()
        return self._members
