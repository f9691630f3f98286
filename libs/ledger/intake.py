"""From a record to a reading: what it says, whose it is, whether it can be folded here. Pure.

Size is judged first, then depth and keys, then whose record it is, then whether it lies on the right partition,
and only there the fields.
"""

from __future__ import annotations

from typing import Final, TypeVar

from libs.contracts.partitions import partition_of
from libs.contracts.traceparent import TRACEPARENT, of_record
from libs.ledger.aggregate import Aggregate
from libs.ledger.checks import readable_time
from libs.ledger.digest import digest
from libs.ledger.envelope import About, Logged
from libs.ledger.fact import Fact
from libs.ledger.invalid import Invalid
from libs.ledger.reading import Document, read
from libs.ledger.records import InputRecord, Reading
from libs.ledger.times import milliseconds
from libs.ledger.verdict import SEQUENCED, Verdict

S = TypeVar("S")

MAX_HEADER_BYTES: Final = 1024 * 1024
"""Of a record that has to be forwarded: with its value it must fit into `in` again, however badly it compresses."""

# What reading and folding a log record raise that no worker wrote: its data was never validated.
DAMAGED: Final = (
    Invalid,
    LookupError,
    ValueError,
    ArithmeticError,
    TypeError,
    AttributeError,
    AssertionError,
)


def read_input(aggregate: Aggregate[S], partition: int, partitions: int, record: InputRecord) -> Reading:
    """Read an input record; never raises for what it holds."""
    about = About(record.offset, record.recorded, None, None)
    if record.headers:
        about.traceparent = of_record(record.headers)
    reading = Reading(about, record)
    document: Document = {}
    try:
        document = read(record.value)
        identity = aggregate.identify(document, record.key)
        about.subject, about.routing_key = identity.subject, identity.routing_key
        about.correlation_id = identity.correlation_id
        if partition_of(identity.routing_key, partitions) != partition:
            _check_portable(record)
            reading.verdict = Verdict.FORWARDED
            about.time = readable_time(document.get(aggregate.clock))
            return reading
        assert record.value is not None
        reading.fact = _fact(aggregate, document, record.value)
        about.time = reading.fact.at
    except Invalid as invalid:
        reading.verdict = Verdict.QUARANTINED
        reading.invalid = invalid
        about.time = readable_time(document.get(aggregate.clock))
    return reading


def _check_portable(record: InputRecord) -> None:
    """Refuse a misplaced record that may not fit where it belongs: a copy is larger than what its sender compressed."""
    size = sum(len(name.encode(errors="replace")) + len(value or b"") for name, value in record.headers)
    if size > MAX_HEADER_BYTES:
        detail = (
            f"on another partition than its key's, with {size} bytes of headers: more than {MAX_HEADER_BYTES}"
        )
        raise Invalid("too_large", detail)


def _fact(aggregate: Aggregate[S], document: Document, value: bytes, refold: bool = False) -> Fact:
    """The fact in a document and its bytes; what is folded again was found valid before. Raises Invalid."""
    plain = None if aggregate.plain is None else aggregate.plain.fullmatch(value)
    if not refold:
        (aggregate.validate if plain is None else aggregate.check)(document)
    if plain is None:
        return aggregate.observe(document, value)
    return Fact(milliseconds(document[aggregate.clock]), document, digest(document), plain)


def read_log(aggregate: Aggregate[S], logged: Logged) -> Reading:
    """Read a log record for a refold: what was decided then stands. Raises DAMAGED."""
    a = logged.attributes
    about = About(
        offset=logged.offset,
        recorded=milliseconds(a["recordedtime"]),
        subject=a["subject"],
        routing_key=a["partitionkey"],
        time=None if a["time"] is None else milliseconds(a["time"]),
        correlation_id=a["correlationid"],
        traceparent=a.get(TRACEPARENT),
    )
    reading = Reading(about, verdict=logged.verdict, logged=logged)
    if reading.verdict in SEQUENCED:
        if not about.subject or type(about.subject) is not str or type(about.routing_key) is not str:
            raise ValueError("a record with a sequence, but without subject or partitionkey")
        reading.fact = _fact(aggregate, read(logged.data), logged.data, refold=True)
    elif reading.verdict is Verdict.QUARANTINED:
        why = read(logged.data)
        reading.invalid = Invalid(why["error"], why["detail"], why["pointer"])
    return reading


def fact_in(aggregate: Aggregate[S], logged: Logged) -> Fact:
    """The fact of a log record with a sequence, for an entity's history told by itself. Raises Invalid, ValueError."""
    fact = aggregate.observe(read(logged.data), logged.data)
    told = logged.attributes
    fact.place = f"{told['inputtopic']}/{told['inputpartition']}/{logged.offset}"
    fact.recorded = milliseconds(told["recordedtime"])
    fact.context = aggregate.recollect(told)
    return fact
