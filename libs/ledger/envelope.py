"""CloudEvents 1.0 in structured JSON mode: writing log records and derived events, and reading them back.

Written by hand from ready-made JSON, because the source's own bytes are spliced in unparsed; ``data``
stands last so that a reader can parse the rest without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, NamedTuple

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


NO_ATTRIBUTES: Final[Mapping[str, int | str]] = MappingProxyType({})


@dataclass(frozen=True)
class Origin:
    """The input partition that a fold reads; what its envelopes have in common, made once."""

    service: str
    topic: str
    partition: int

    @cached_property
    def ids(self) -> RecordIds:
        """The ids of all that comes of this partition: by ``offset/index``."""
        return RecordIds(f"{self.topic}/{self.partition}")

    @cached_property
    def source(self) -> str:
        """The source of all its envelopes, as a member of JSON like what follows."""
        return f'"source":"/stratafold/{self.service}"'

    @cached_property
    def observed(self) -> str:
        """The type and the source of its log records."""
        return f'"type":"stratafold.{ENTITIES[self.service]}.observed.v1",{self.source}'

    @cached_property
    def uncaused(self) -> str:
        """What follows the correlation in its log records, up to the offset."""
        return (
            '"causationid":null,"datacontenttype":"application/json",'
            f'"inputtopic":"{self.topic}","inputpartition":{self.partition},"inputoffset":'
        )

    def place(self, offset: int) -> str:
        """``topic/partition/offset`` of an input record."""
        return f"{self.topic}/{self.partition}/{offset}"


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
            recorded = rfc3339(self.recorded)
            time = recorded if self.time is None else rfc3339(self.time)
            subject = quoted(self.subject)
            routing_key = subject if self.routing_key == self.subject else quoted(self.routing_key)
            self.frame = Frame(
                cause=origin.ids.at(f"{self.offset}/0"),
                subject=f'"subject":{subject}',
                time=f'"time":"{time}","recordedtime":"{recorded}"',
                key=f'"partitionkey":{routing_key},"correlationid":{quoted(self.correlation_id)}'
                + ("" if self.traceparent is None else f',"{TRACEPARENT}":"{self.traceparent}"'),
            )
        return self.frame


class Frame(NamedTuple):
    """Ready-made members of the envelopes of one input record, and its log record's id."""

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
    extension: Mapping[str, int | str] = NO_ATTRIBUTES,
) -> bytes:
    """The log's account of one input record; ``data`` is JSON as it stands, ``extension`` has further attributes."""
    cause, subject, time, key = about.frame or about.framed(origin)
    if about.time is None:
        time = f'"time":null,"recordedtime":"{rfc3339(about.recorded)}"'
    more = "" if not extension else _attributes(extension)
    head = (
        f'{{"specversion":"1.0","id":"{cause}",{origin.observed},{subject},{time},'
        f'"sequence":{"null" if sequence is None else sequence},{key},{origin.uncaused}{about.offset},'
        f'"previousinputoffset":{previous},"verdict":"{verdict}",{more}"data":'
    )
    return b"".join((head.encode(), data.strip(), b"}"))


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
    cause, own, time, key = about.frame or about.framed(origin)
    whose = own if subject is None else f'"subject":{quoted(subject)}'
    event_id = origin.ids.at(f"{about.offset}/{index}")
    head = (
        f'{{"specversion":"1.0","id":"{event_id}","type":"stratafold.{name}.v1",{origin.source},'
        f'{whose},{time},"sequence":{sequence},{key},'
        f'"causationid":"{cause}","datacontenttype":"application/json","data":'
    )
    return b"".join((head.encode(), orjson.dumps(data), b"}"))


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
    if type(attributes) is not dict:
        raise ValueError("not a log record: no object")
    for name in ("previousinputoffset", "inputoffset"):
        if type(attributes.get(name)) is not int:
            raise ValueError(f"not a log record: no {name}")
    return Logged(attributes, value[end + len(_DATA) : -1], value)


def continues(logged: Logged, accepted: int) -> bool:
    """The reader's rule: only a record that follows the one accepted last counts, others are doubles or strays."""
    return logged.previous == accepted
