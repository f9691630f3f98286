"""The bookkeeping that every entity carries beside its service's own state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from libs.ledger.digest import SIZE
from libs.ledger.document import Fields
from libs.ledger.times import milliseconds, rfc3339
from libs.ledger.verdict import Verdict

S = TypeVar("S")

_MEMORY: Final = ("_facts", "_events", "_applied_at")


@dataclass(slots=True)
class Entity(Generic[S]):
    """One entity as its partition's fold knows it; times in ms of the broker's clock.

    ``indexes``, ``optional`` and ``tables`` are what was rendered last: what the next rendering may have to take back;
    ``gone`` says that it was deleted, ``known`` that Redis has it, or will once what is on its way is written;
    ``weight`` is about how many bytes its document, as fields and as JSON, and its digests have.
    """

    subject: str
    state: S
    sequence: int = 0
    events: int = 0
    disputed: bool = False
    first_recorded: int = 0
    last_recorded: int = 0
    applied_at: int | None = None
    facts: bytes = b""
    indexes: frozenset[tuple[str, str]] = frozenset()
    optional: frozenset[str] = frozenset()
    tables: Mapping[str, Fields] = field(default_factory=dict)
    gone: bool = False
    known: bool = False
    weight: int = 0

    def account(self, verdict: Verdict, digest: bytes, recorded: int, memory: int | None) -> int:
        """Take the next sequence for an accepted fact; ``memory`` bounds how many digests are remembered."""
        self.sequence += 1
        self.first_recorded = self.first_recorded or recorded  # a companion may have had others' facts before
        self.last_recorded = recorded
        if verdict is Verdict.APPLIED:
            self.applied_at = recorded
        if verdict is Verdict.CONFLICT:
            self.disputed = True
        self.facts += digest
        if memory is not None and len(self.facts) > memory * SIZE:
            self.facts = self.facts[-memory * SIZE :]
        return self.sequence


def bookkeeping(entity: Entity[S]) -> Fields:
    """The public bookkeeping as hash fields."""
    return {
        "sequence": str(entity.sequence),
        "disputed": "1" if entity.disputed else "0",
        "first_recorded_at": rfc3339(entity.first_recorded),
        "last_recorded_at": rfc3339(entity.last_recorded),
    }


def bookkeeping_json(entity: Entity[S], fields: Fields) -> bytes:
    """The public bookkeeping as JSON members without braces; ``fields`` as ``bookkeeping`` gave them."""
    return (
        f'"sequence":{entity.sequence},"disputed":{"true" if entity.disputed else "false"},'
        f'"first_recorded_at":"{fields["first_recorded_at"]}","last_recorded_at":"{fields["last_recorded_at"]}"'
    ).encode()


def memory(entity: Entity[S]) -> Fields:
    """The fold's own memory as hash fields; digests in hexadecimal, so that every field is text."""
    return {
        "_facts": entity.facts.hex(),
        "_events": str(entity.events),
        "_applied_at": "" if entity.applied_at is None else str(entity.applied_at),
    }


def recall(subject: str, state: S, fields: Mapping[str, str]) -> Entity[S]:
    """The entity that ``bookkeeping`` and ``memory`` were made from. Raises KeyError, ValueError."""
    facts, events, applied_at = (fields[name] for name in _MEMORY)
    sequence, told = int(fields["sequence"]), int(events)
    if min(sequence, told) < 0 or len(facts) % (2 * SIZE):
        raise ValueError("counts below zero, or half a digest")
    return Entity(
        subject=subject,
        state=state,
        sequence=sequence,
        events=told,
        disputed=fields["disputed"] == "1",
        first_recorded=milliseconds(fields["first_recorded_at"]),
        last_recorded=milliseconds(fields["last_recorded_at"]),
        applied_at=int(applied_at) if applied_at else None,
        facts=bytes.fromhex(facts),
        known=True,
    )
