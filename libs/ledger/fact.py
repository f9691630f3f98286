"""A valid input, ready to be folded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from libs.ledger.reading import Document


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose input it is: the entity it speaks of, the key that decides its partition, what it belongs to."""

    subject: str
    routing_key: str
    correlation_id: str | None


@dataclass(slots=True)
class Fact:
    """What a source says of an entity: ``at`` in ms by the source's clock, the body, its digest.

    ``context`` is what the entity's companion has become by this fact, where it has one; None where that isn't known.
    """

    at: int
    body: Document
    digest: bytes
    context: Any = None
