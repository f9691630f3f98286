"""A valid input, ready to be folded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from libs.contracts.plain import Plain
from libs.ledger.reading import Document


class Identity(NamedTuple):
    """Whose input it is: the entity it speaks of, the key that decides its partition, what it belongs to.

    ``subject`` is None where only what is known of the routing key tells it: an order's version.
    """

    subject: str | None
    routing_key: str
    correlation_id: str | None


@dataclass(slots=True)
class Fact:
    """What a source says of an entity: ``at`` in ms by the source's clock, the body, its digest.

    ``context`` is the entity's companion, where it has one: as it was before this fact while that is judged, then what
    it has become by it; None where that isn't known. ``place`` is the input record's topic/partition/offset,
    ``recorded`` the broker's time in ms. ``plain`` is there where the body's bytes are known to be its canonical JSON.
    """

    at: int
    body: Document
    digest: bytes
    plain: Plain | None = None
    context: Any = None
    place: str = ""
    recorded: int = 0
