"""The derived topics of a partition compared with what had to be published. Pure.

Records arrive in the order of the topic. What the topic no longer keeps is excused: only its beginning can be gone.
What had to take effect after the expectation settled may still be on its way.
"""

from __future__ import annotations

from typing import Any, Final, Generic, Protocol, TypeVar

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


class _Published(Generic[S]):
    """What all three comparisons need: what is expected, and where to report."""

    def __init__(
        self, expected: Expectation[S], partition: int, gone_before: int | None, findings: Findings
    ) -> None:
        self._expected = expected
        self._partition = partition
        self._gone_before = gone_before  # ms; the topic's beginning is gone, nothing of it where this is None
        self._findings = findings
        self._oldest: int | None = None  # the input offset that the first kept record comes from

    def _due(self, cause: int) -> bool:
        """Whether what follows from an input record must stand in the topic."""
        settled = self._expected.settled
        if settled is not None and cause > settled:
            return False
        if self._gone_before is None:
            return True
        if self._oldest is None:
            return self._expected.recorded(cause) >= self._gone_before
        return cause >= self._oldest

    def _excuse(self, cause: int, what: str) -> None:
        settled = self._expected.settled
        if settled is None or cause <= settled:
            self._findings.excused[what] += 1

    def _add(self, kind: Kind, where: str, detail: str) -> None:
        self._findings.add(kind, self._partition, where, detail)


class Events(_Published[S]):
    """``events``: by the reader's rule, byte for byte, without gaps, nothing uncaused."""

    def __init__(
        self, expected: Expectation[S], partition: int, gone_before: int | None, findings: Findings
    ) -> None:
        super().__init__(expected, partition, gone_before, findings)
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
            if sequence > 1 and self._gone_before is None:
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
                if first <= sequence <= last:
                    continue
                if self._due(cause):
                    self._add(
                        Kind.EVENTS_MISSING, subject, f"event {sequence}, which input offset {cause} caused"
                    )
                else:
                    self._excuse(cause, "events")


class States(_Published[S]):
    """``state``: the last document of each entity. Compaction may keep earlier ones, or drop them."""

    def __init__(self, expected: Expectation[S], partition: int, findings: Findings) -> None:
        super().__init__(expected, partition, gone_before=None, findings=findings)
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
        self, expected: Expectation[S], partition: int, gone_before: int | None, findings: Findings
    ) -> None:
        super().__init__(expected, partition, gone_before, findings)
        self._seen: set[int] = set()

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
        own = fingerprint(None, None, record.headers[:OWN_HEADERS])
        if wanted.mark != (of_record(record) if wanted.whole else own):
            self._add(Kind.DEAD_DIFFERS, where, f"of input offset {cause}")
        self._findings.checked["doubles" if cause in self._seen else "dead"] += 1
        self._seen.add(cause)

    def finish(self) -> None:
        """Report what is missing."""
        for cause in self._expected.letters:
            if cause not in self._seen:
                if self._due(cause):
                    self._add(Kind.DEAD_MISSING, f"input offset {cause}", "it is quarantined in the log")
                else:
                    self._excuse(cause, "dead")


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
