"""The derived topics of a partition compared with what had to be published. Pure.

Records arrive in the order of the topic. What the topic no longer keeps is excused: only its beginning can be gone, and
no more of it than its first offset says, for every record took one.
What had to take effect after the expectation settled may still be on its way.
"""

from __future__ import annotations

from array import array
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import orjson

from libs.ledger.partition import cause_of
from libs.runtime.verification.expectation import GONE, OWN_HEADERS, Document, Expectation
from libs.runtime.verification.findings import Findings, Kind
from libs.runtime.verification.fingerprint import fingerprint, of_record

S = TypeVar("S")

_DATA: Final = b',"data":'


class Comparison(Protocol):
    """Takes a topic's records in order, and reports once all of them were taken."""

    def take(self, record: Any) -> None: ...
    def finish(self) -> None: ...


class Gone(NamedTuple):
    """What a topic no longer keeps: at most ``most`` records, for that is its first offset.

    What follows from an input recorded before ``before`` (ms) may have gone by its age; the rest somebody had removed.
    """

    most: int
    before: int


class _Published(Generic[S]):
    """What all three comparisons need: what is expected, and where to report."""

    def __init__(
        self, expected: Expectation[S], partition: int, gone: Gone | None, findings: Findings
    ) -> None:
        self._expected = expected
        self._partition = partition
        self._gone = gone  # None where nothing is
        self._findings = findings
        self._oldest: int | None = None  # the input offset that the first kept record comes from
        self._aged = 0  # how many that are not there are as old as that
        self._younger = array("q")  # the causes of others that come before the first kept record

    def _miss(self, kind: Kind, cause: int, where: str, detail: str) -> None:
        """Report what is not there, unless it may be on its way, or gone with the topic's beginning."""
        settled, gone = self._expected.settled, self._gone
        if settled is not None and cause > settled:
            return
        aged = gone is not None and self._expected.recorded(cause) < gone.before
        if gone is None or (not aged if self._oldest is None else cause >= self._oldest):
            self._add(kind, where, detail)
        elif aged:
            self._aged += 1
        else:
            self._younger.append(cause)

    def _excuse(self, kind: Kind) -> None:
        """Excuse as much as can have been removed, the oldest first, and report the rest."""
        removed = max(self._gone.most - self._aged, 0) if self._gone is not None else 0
        if excused := self._aged + min(removed, len(self._younger)):
            self._findings.excused[kind.partition(".")[0]] += excused
        for cause in sorted(self._younger)[removed:]:
            self._add(
                kind, f"input offset {cause}", "more is missing up to here than the topic no longer keeps"
            )

    def _add(self, kind: Kind, where: str, detail: str) -> None:
        self._findings.add(kind, self._partition, where, detail)


class Events(_Published[S]):
    """``events``: by the reader's rule, byte for byte, without gaps, nothing uncaused."""

    def __init__(
        self, expected: Expectation[S], partition: int, gone: Gone | None, findings: Findings
    ) -> None:
        super().__init__(expected, partition, gone, findings)
        self._seen: dict[str, int] = {}
        self._first: dict[str, int] = {}

    def take(self, record: Any) -> None:
        """Compare the next record."""
        where = f"events offset {record.offset}"
        if self._oldest is None:
            self._oldest = cause_of(record.headers)
        try:
            subject, sequence = _event(record.value or b"")
        except (ValueError, KeyError, TypeError) as why:
            self._add(Kind.EVENTS_UNCAUSED, where, f"not an event: {type(why).__name__}: {why}")
            return
        mark = self._expected.event(subject, sequence)
        seen = self._seen.get(subject)
        if mark is None:
            self._add(Kind.EVENTS_UNCAUSED, where, f"{subject} has no event {sequence}")
            return
        if mark != of_record(record):
            self._add(Kind.EVENTS_DIFFERS, where, f"event {sequence} of {subject}")
        if seen is None:
            self._first[subject] = sequence
            if sequence > 1 and self._gone is None:
                self._add(Kind.EVENTS_GAP, where, f"{subject} begins with sequence {sequence}")
        elif sequence > seen + 1:
            self._add(Kind.EVENTS_GAP, where, f"{subject} jumps from sequence {seen} to {sequence}")
        if seen is None or sequence > seen:
            self._seen[subject] = sequence
            self._findings.checked["events"] += 1
        else:
            self._findings.checked["doubles"] += 1

    def finish(self) -> None:
        """Report what is missing: before the first that was seen of a subject, and after the last."""
        for subject in self._expected.subjects_with_events():
            events = self._expected.events(subject)
            first = self._first.get(subject, len(events) + 1)
            last = self._seen.get(subject, len(events))
            for sequence, (_, cause) in enumerate(events, 1):
                if not first <= sequence <= last:
                    caused = f"event {sequence}, which input offset {cause} caused"
                    self._miss(Kind.EVENTS_MISSING, cause, subject, caused)
        self._excuse(Kind.EVENTS_MISSING)


class States(_Published[S]):
    """``state``: the last document of each entity. Compaction may keep earlier ones, or drop them."""

    def __init__(self, expected: Expectation[S], partition: int, findings: Findings) -> None:
        super().__init__(expected, partition, gone=None, findings=findings)
        self._last: dict[bytes | None, Document] = {}

    def take(self, record: Any) -> None:
        """Remember the last document of a key; a tombstone takes it away."""
        if record.value is None:
            self._last.pop(record.key, None)
        else:
            self._last[record.key] = Document.of(record, cause_of(record.headers))

    def finish(self) -> None:
        """Compare the last documents."""
        for subject, wanted in self._expected.documents.items():
            last = self._last.pop(subject.encode(), None)
            self._findings.checked["state"] += 1
            if last is not None and last.cause > self._expected.position:
                ahead = f"the last says that it comes from input offset {last.cause}, which is not logged"
                self._add(Kind.STATE_DIFFERS, subject, ahead)
                continue
            if _says(last, wanted) or (last is None and wanted.mark == GONE):
                continue
            # Changed since it settled: the topic may not have the last document yet, and we have none in between.
            if subject in self._expected.earlier:
                earlier = self._expected.earlier[subject]
                settled = self._expected.settled
                on_its_way = last is not None and settled is not None and settled < last.cause < wanted.cause
                if _says(last, earlier) or on_its_way:
                    continue
            if last is None:
                self._add(Kind.STATE_MISSING, subject, f"none, but input offset {wanted.cause} changed it")
            else:
                which = (
                    f"the last comes from input offset {last.cause}, the entity's from {wanted.cause}"
                    if last.cause != wanted.cause
                    else "the last document has other bytes"
                )
                self._add(Kind.STATE_DIFFERS, subject, which)
        for key, stray in self._last.items():
            name = "no key" if key is None else key.decode(errors="replace")
            self._add(Kind.STATE_UNCAUSED, name, f"says that it comes from input offset {stray.cause}")


class Letters(_Published[S]):
    """``dead``: every quarantined record with its headers, byte for byte; a double is equal."""

    def __init__(
        self, expected: Expectation[S], partition: int, gone: Gone | None, findings: Findings
    ) -> None:
        super().__init__(expected, partition, gone, findings)
        self._seen: dict[int, int] = {}  # by cause, the fingerprint of the first

    def take(self, record: Any) -> None:
        """Compare the next dead letter."""
        cause = cause_of(record.headers)
        if self._oldest is None:
            self._oldest = cause
        where = f"dead offset {record.offset}"
        wanted = self._expected.letters.get(cause)
        if wanted is None:
            self._add(Kind.DEAD_UNCAUSED, where, f"input offset {cause} was not quarantined")
            return
        mark, own = of_record(record), fingerprint(None, None, record.headers[:OWN_HEADERS])
        self._findings.checked["doubles" if cause in self._seen else "dead"] += 1
        first = self._seen.setdefault(cause, mark)
        if wanted.mark != (mark if wanted.whole else own):
            self._add(Kind.DEAD_DIFFERS, where, f"of input offset {cause}")
        elif not wanted.whole and mark != first:
            self._add(Kind.DEAD_DIFFERS, where, f"another letter of input offset {cause} than the first")

    def finish(self) -> None:
        """Report what is missing."""
        for cause in self._expected.letters:
            if cause not in self._seen:
                where = f"input offset {cause}"
                self._miss(Kind.DEAD_MISSING, cause, where, "it is quarantined in the log")
        self._excuse(Kind.DEAD_MISSING)


def _event(value: bytes) -> tuple[str, int]:
    """Subject and sequence; within the envelope's strings a quote is escaped, so the first marker is the one."""
    head, marker, _ = value.partition(_DATA)
    attributes = orjson.loads(head + b"}" if marker else value)
    subject, sequence = attributes["subject"], attributes["sequence"]
    if type(subject) is not str or type(sequence) is not int:
        raise ValueError("no subject or no sequence")
    return subject, sequence


def _says(last: Document | None, wanted: Document | None) -> bool:
    """Whether it is the document, if sent once more: as of an input after the one that made it."""
    if last is None or wanted is None:
        return last is wanted
    return last.mark == wanted.mark and last.cause >= wanted.cause
