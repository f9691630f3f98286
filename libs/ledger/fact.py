"""A valid input, ready to be folded."""

from __future__ import annotations

from dataclasses import dataclass

from libs.ledger.reading import Document


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose input it is: the entity it speaks of, the key that decides its partition, what it belongs to."""

    subject: str
    routing_key: str
    correlation_id: str | None


@dataclass(slots=True)
class Fact:
    """What a source says of an entity: ``at`` in ms by the source's clock, the body, its digest."""

    at: int
    body: Document
    digest: bytes
