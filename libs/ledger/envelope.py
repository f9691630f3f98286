"""CloudEvents 1.0 in structured JSON mode: writing log records and derived events, and reading them back.

Written by hand from ready-made JSON, because the source's own bytes are spliced in unparsed; ``data``
stands last so that a reader can parse the rest without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson

from libs.contracts.names import ENTITIES
from libs.ledger.ids import record_id
from libs.ledger.times import rfc3339
from libs.ledger.verdict import Verdict

CONTENT_TYPE: Final = ("content-type", b"application/cloudevents+json")
_DATA: Final = b',"data":'


def quoted(text: str | None) -> str:
    """A string as JSON, null for None."""
    return "null" if text is None else orjson.dumps(text).decode()


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


@dataclass(slots=True)
class About:
    """What the envelopes of one input record share; ``time`` and ``recorded`` in ms."""

    offset: int
    recorded: int
    subject: str | None
    routing_key: str | None
    time: int | None = None
    correlation_id: str | None = None


def log_record(
    origin: Origin, about: About, verdict: Verdict, sequence: int | None, previous: int, data: bytes
) -> bytes:
    """The log's account of one input record; ``data`` is JSON as it stands."""
    time = "null" if about.time is None else f'"{rfc3339(about.time)}"'
    return (
        (
            f'{{"specversion":"1.0","id":"{record_id(origin.place(about.offset), 0)}",'
            f'"type":"stratafold.{origin.entity}.observed.v1","source":"/stratafold/{origin.service}",'
            f'"subject":{quoted(about.subject)},"time":{time},"recordedtime":"{rfc3339(about.recorded)}",'
            f'"sequence":{"null" if sequence is None else sequence},"partitionkey":{quoted(about.routing_key)},'
            f'"correlationid":{quoted(about.correlation_id)},"causationid":null,'
            f'"datacontenttype":"application/json","inputtopic":"{origin.topic}",'
            f'"inputpartition":{origin.partition},"inputoffset":{about.offset},"previousinputoffset":{previous},'
            f'"verdict":"{verdict}","data":'
        ).encode()
        + data.strip()
        + b"}"
    )


def derived_event(
    origin: Origin, about: About, index: int, name: str, sequence: int, data: dict[str, Any]
) -> bytes:
    """A derived event; ``index`` is 1, 2, 3 … among those of its input record."""
    place = origin.place(about.offset)
    time = about.recorded if about.time is None else about.time
    return (
        (
            f'{{"specversion":"1.0","id":"{record_id(place, index)}","type":"stratafold.{name}.v1",'
            f'"source":"/stratafold/{origin.service}","subject":{quoted(about.subject)},'
            f'"time":"{rfc3339(time)}","recordedtime":"{rfc3339(about.recorded)}","sequence":{sequence},'
            f'"partitionkey":{quoted(about.routing_key)},"correlationid":{quoted(about.correlation_id)},'
            f'"causationid":"{record_id(place, 0)}","datacontenttype":"application/json","data":'
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
