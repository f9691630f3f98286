"""What goes into a partition's fold and what comes out of it, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from libs.ledger.document import Fields
from libs.ledger.envelope import About, Logged
from libs.ledger.fact import Fact
from libs.ledger.invalid import Invalid
from libs.ledger.verdict import Verdict

Headers = list[tuple[str, bytes | None]]


@dataclass(slots=True)
class InputRecord:
    """A record of an input topic as the broker has it; ``recorded`` is the broker's time in ms."""

    offset: int
    recorded: int
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)


@dataclass(slots=True)
class Reading:
    """A record that was read but not yet folded.

    ``verdict`` is None where the fold has to decide. ``logged`` is the log record where the input was
    accounted for before (a refold); ``invalid`` says why it was refused.
    """

    about: About
    record: InputRecord | None = None
    fact: Fact | None = None
    verdict: Verdict | None = None
    invalid: Invalid | None = None
    logged: Logged | None = None


@dataclass(slots=True)
class Outgoing:
    """A record to append; ``offset`` is that of the input record it comes from."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)


@dataclass(slots=True)
class Routed:
    """A record for another place than this partition: a topic without its namespace, and a routing key."""

    topic: str
    routing_key: str
    record: Outgoing


@dataclass(slots=True)
class EntityWrite:
    """One entity's share of an atomic write: hash fields, its new log records, the sorted sets it joins and leaves.

    ``score`` is the broker's time in ms of its last applied record, None where the batch applied none; ``entries``
    are of its streams: name, the fact's sequence, fields; ``tables`` are the rows to set and to remove of the hashes
    beside its own. ``gone`` names what goes with it where it was deleted: then the fields are all that is kept of it.
    ``new`` says that it was never written before.
    """

    subject: str
    fields: Fields
    removed: list[str]
    history: list[bytes]
    joins: list[tuple[str, str]]
    leaves: list[tuple[str, str]]
    score: int | None
    entries: list[tuple[str, int, Fields]] = field(default_factory=list)
    tables: list[tuple[str, Fields, list[str]]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    new: bool = False


@dataclass(slots=True)
class Folded:
    """What a batch of one partition amounts to, in the order in which it must take effect.

    ``previous`` and ``last`` are the input offsets folded before and last, ``counters`` absolute values.
    """

    previous: int
    last: int
    counters: dict[str, int]
    forwards: list[Routed] = field(default_factory=list)
    log: list[Outgoing] = field(default_factory=list)
    notices: list[Routed] = field(default_factory=list)
    events: list[Outgoing] = field(default_factory=list)
    states: list[Outgoing] = field(default_factory=list)
    dead: list[Outgoing] = field(default_factory=list)
    writes: list[EntityWrite] = field(default_factory=list)
