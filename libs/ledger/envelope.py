"""CloudEvents 1.0 in structured JSON mode: writing log records and derived events, and reading them back.

Written by hand from ready-made JSON, because the source's own bytes are spliced in unparsed; ``data``
stands last so that a reader can parse the rest without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import orjson

from libs.contracts.names import ENTITIES
from libs.contracts.traceparent import TRACEPARENT
from libs.ledger.ids import RecordIds
from libs.ledger.times import rfc3339
from libs.ledger.verdict import Verdict

CONTENT_TYPE: Final = ("content-type", b"application/cloudevents+json")
_DATA: Final = b',"data":'


def quoted(text: str | None) -> str:
    """A string as JSON, null for None."""
    return "null" if text is None else orjson.dumps(text).decode()


_NO_ATTRIBUTES: Final[Mapping[str, int | str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Origin:
    """The input partition that a fold reads; what its envelopes have in common."""

    service: str
    topic: str
    partition: int

    @property
    def entity(self) -> str:
        """The singular name of what the service folds."""
        return ENTITIES[self.service]

    def place(self, offset: int) -> str:
        """``topic/partition/offset`` of an input record."""
        return f"{self.topic}/{self.partition}/{offset}"


def source_and_subject(origin: Origin, subject: str) -> str:
    """Two members of an envelope; the subject is JSON already."""
    return f'"source":"/stratafold/{origin.service}","subject":{subject}'


@dataclass(slots=True)
class About:
    """What the envelopes of one input record share; ``time`` and ``recorded`` in ms."""

    offset: int
    recorded: int
    subject: str | None
    routing_key: str | None
    time: int | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    frame: Frame | None = None

    def framed(self, origin: Origin) -> Frame:
        """The parts of the envelopes that are the same in all of them, made once."""
        if self.frame is None:
            ids = RecordIds(origin.place(self.offset))
            recorded = rfc3339(self.recorded)
            time = recorded if self.time is None else rfc3339(self.time)
            subject = quoted(self.subject)
            routing_key = subject if self.routing_key == self.subject else quoted(self.routing_key)
            self.frame = Frame(
                ids=ids,
                cause=ids.at(0),
                subject=source_and_subject(origin, subject),
                time=f'"time":"{time}","recordedtime":"{recorded}"',
                key=f'"partitionkey":{routing_key},"correlationid":{quoted(self.correlation_id)}'
                + ("" if self.traceparent is None else f',"{TRACEPARENT}":"{self.traceparent}"'),
            )
        return self.frame


@dataclass(slots=True)
class Frame:
    """Ready-made members of the envelopes of one input record."""

    ids: RecordIds
    cause: str
    subject: str
    time: str
    key: str


def log_record(
    origin: Origin,
    about: About,
    verdict: Verdict,
    sequence: int | None,
    previous: int,
    data: bytes,
    extension: Mapping[str, int | str] = _NO_ATTRIBUTES,
) -> bytes:
    """The log's account of one input record; ``data`` is JSON as it stands, ``extension`` has further attributes."""
    frame = about.frame or about.framed(origin)
    more = "" if not extension else _attributes(extension)
    time = frame.time if about.time is not None else f'"time":null,"recordedtime":"{rfc3339(about.recorded)}"'
    return (
        (
            f'{{"specversion":"1.0","id":"{frame.cause}","type":"stratafold.{origin.entity}.observed.v1",'
            f'{frame.subject},{time},"sequence":{"null" if sequence is None else sequence},{frame.key},'
            f'"causationid":null,"datacontenttype":"application/json","inputtopic":"{origin.topic}",'
            f'"inputpartition":{origin.partition},"inputoffset":{about.offset},"previousinputoffset":{previous},'
            f'"verdict":"{verdict.value}",{more}"data":'
        ).encode()
        + data.strip()
        + b"}"
    )


def _attributes(extension: Mapping[str, int | str]) -> str:
    return "".join(
        f'"{name}":{value if isinstance(value, int) else quoted(value)},' for name, value in extension.items()
    )


def derived_event(
    origin: Origin,
    about: About,
    index: int,
    name: str,
    sequence: int,
    data: dict[str, Any],
    subject: str | None = None,
) -> bytes:
    """A derived event; ``index`` is 1, 2, 3 … among those of its input record, ``subject`` other than its own."""
    frame = about.frame or about.framed(origin)
    whose = frame.subject if subject is None else source_and_subject(origin, quoted(subject))
    return (
        (
            f'{{"specversion":"1.0","id":"{frame.ids.at(index)}","type":"stratafold.{name}.v1",'
            f'{whose},{frame.time},"sequence":{sequence},{frame.key},'
            f'"causationid":"{frame.cause}","datacontenttype":"application/json","data":'
        ).encode()
        + orjson.dumps(data)
        + b"}"
    )


@dataclass(slots=True)
class Logged:
    """A log record read back: its attributes without ``data``, and ``data`` as it stands."""

    attributes: dict[str, Any]
    data: bytes
    value: bytes

    @property
    def offset(self) -> int:
        """The input offset that the record accounts for."""
        offset: int = self.attributes["inputoffset"]
        return offset

    @property
    def previous(self) -> int:
        """The input offset that was folded before, -1 for the first."""
        previous: int = self.attributes["previousinputoffset"]
        return previous

    @property
    def verdict(self) -> Verdict:
        """What became of the input record."""
        return Verdict(self.attributes["verdict"])


def parse_log_record(value: bytes) -> Logged:
    """Read a log record; within its strings a quote is escaped, so the first marker is the one. Raises ValueError."""
    end = value.find(_DATA)
    if end < 0:
        raise ValueError("not a log record: no data")
    attributes = orjson.loads(value[:end] + b"}")
    if type(attributes) is not dict or "previousinputoffset" not in attributes:
        raise ValueError("not a log record: no previousinputoffset")
    return Logged(attributes, value[end + len(_DATA) : -1], value)


def continues(logged: Logged, accepted: int) -> bool:
    """The reader's rule: only a record that follows the one accepted last counts, others are doubles or strays."""
    return logged.previous == accepted
