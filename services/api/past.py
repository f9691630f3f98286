"""An entity's history told, and its document as it was: the records that Redis keeps, folded once more. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import orjson

from libs.contracts.fields import TIME_PATTERN
from libs.ledger.aggregate import Aggregate
from libs.ledger.entity import Entity, bookkeeping, bookkeeping_json
from libs.ledger.envelope import Logged, parse_log_record
from libs.ledger.intake import DAMAGED, fact_in
from libs.ledger.times import milliseconds
from libs.ledger.verdict import Verdict
from libs.views.changes import steps
from services.api.refusals import Refusal, wrong_parameter

_DIGITS: Final = re.compile(r"[0-9]+")
_TIME: Final = re.compile(TIME_PATTERN)
_FURTHEST: Final = 2**63


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of an entity's life: a sequence, or a time in ms since 1970 by the broker's clock."""

    sequence: int | None = None
    recorded: int | None = None

    def holds(self, one: Logged) -> bool:
        """Whether a record was there at that moment."""
        if self.sequence is not None:
            return bool(one.attributes["sequence"] <= self.sequence)
        return milliseconds(one.attributes["recordedtime"]) <= self._at

    def follows(self, sequence: int, recorded: int) -> bool:
        """Whether all that is known by now, as of its last record, was known at that moment."""
        return self.sequence >= sequence if self.sequence is not None else self._at >= recorded

    def precedes(self, recorded: int) -> bool:
        """Whether that moment was before the first record."""
        return self.sequence < 1 if self.sequence is not None else self._at < recorded

    @property
    def _at(self) -> int:
        assert self.recorded is not None
        return self.recorded


def moment(text: str) -> Moment:
    """What ``as_of`` says: digits are a sequence, anything else an RFC 3339 time. Raises Refusal (422)."""
    if text.isascii() and _DIGITS.fullmatch(text):
        digits = text.lstrip("0")[:20]
        return Moment(sequence=min(int(digits or "0"), _FURTHEST))
    wrong = wrong_parameter("as_of", "is neither a sequence nor an RFC 3339 time")
    text = text.replace(" ", "+")  # as a query shows the sign of an offset that was not escaped
    if not _TIME.fullmatch(text):
        raise wrong
    try:
        return Moment(recorded=milliseconds(text))
    except ValueError:
        raise wrong from None


def document_at(
    aggregate: Aggregate[Any], entity_id: str, history: Sequence[bytes], when: Moment
) -> bytes | None:
    """The state document at a moment; None where that was before the first fact.

    Raises Refusal (410) where the history's beginning is no longer at hand, ValueError for a damaged record.
    """
    entity: Entity[Any] = Entity(entity_id, aggregate.initial(entity_id))
    try:
        _follow(aggregate, entity, history, when)
    except DAMAGED as why:
        raise ValueError(f"after sequence {entity.sequence}: {why!r}") from why
    if entity.sequence == 0:
        return None
    shown = aggregate.render(entity.state).json
    return shown[:-1] + b"," + bookkeeping_json(entity, bookkeeping(entity)) + b"}"


def _follow(aggregate: Aggregate[Any], entity: Entity[Any], history: Sequence[bytes], when: Moment) -> None:
    """Fold what was there at a moment. Raises Refusal (410), DAMAGED."""
    for value in history:
        one = parse_log_record(value)
        if entity.sequence == 0 and one.attributes["sequence"] != 1:
            raise Refusal(HTTPStatus.GONE, "the beginning of this history is in the log alone by now")
        if one.attributes["sequence"] != entity.sequence + 1:
            raise ValueError(f"sequence {one.attributes['sequence']} follows")
        if not when.holds(one):
            return
        entity.state = aggregate.evolve(entity.state, fact_in(aggregate, one), one.verdict)
        entity.sequence = one.attributes["sequence"]
        entity.last_recorded = milliseconds(one.attributes["recordedtime"])
        entity.first_recorded = entity.first_recorded or entity.last_recorded
        entity.disputed = entity.disputed or one.verdict is Verdict.CONFLICT


def told(
    aggregate: Aggregate[Any], entity_id: str, history: Sequence[bytes], after: int, count: int
) -> list[tuple[int, bytes]]:
    """Records after a sequence, oldest first, each with it and as JSON with ``changed``: {field: [from, to]}.

    ``changed`` is null where the history's beginning is no longer at hand. What is late or a conflict also has
    ``claimed``: {field: [what stands, what it says]}. Raises ValueError for a damaged record.
    """
    found: list[tuple[int, bytes]] = []
    for step in steps(aggregate, entity_id, history):
        sequence = step.logged.attributes["sequence"]
        if sequence <= after:
            continue
        if len(found) == count:
            break
        added = {"changed": _pairs(step.changed)}
        if step.claimed is not None:
            added["claimed"] = _pairs(step.claimed)
        found.append((sequence, step.logged.value[:-1] + b"," + orjson.dumps(added)[1:]))
    return found


def _pairs(fields: dict[str, tuple[bytes, bytes]] | None) -> Any:
    if fields is None:
        return None
    return {name: [orjson.Fragment(value) for value in pair] for name, pair in fields.items()}
