"""The facts of operations: status changes (000), and the outcomes of executions told from inside."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, localcontext
from typing import Final

from pydantic import BaseModel, ValidationError

from libs.contracts.operations import (
    OUTCOME_EVENT,
    STATUS_EVENT,
    ExecutionOutcome,
    OperationStatusChanged,
)
from libs.contracts.plain import plain_form
from libs.contracts.trade_strategy import UnknownEvent
from libs.ledger.checks import check_time, uuid_of
from libs.ledger.digest import digest
from libs.ledger.fact import Fact, Identity
from libs.ledger.invalid import Invalid, from_validation
from libs.ledger.reading import Document, read_exactly
from libs.ledger.times import milliseconds

PLAIN: Final = plain_form(OperationStatusChanged, ExecutionOutcome)
_KNOWN: Final = frozenset(OperationStatusChanged.model_fields)
_KNOWN_ALLOCATION: Final = frozenset({"underlying_currency", "weight"})
_KNOWN_OUTCOME: Final = frozenset(ExecutionOutcome.model_fields)
_LEAST_ROUNDED_SCALE: Final = 2
_EXACT: Final = Context(prec=60, traps=[Inexact])  # 18 digits on each side of the point, and room to carry


def is_outcome(body: Document) -> bool:
    """Whether a body is an execution's outcome; a status change has no ``event``, or its webhook's name."""
    return body.get("event") == OUTCOME_EVENT


def is_unknown(body: Document) -> bool:
    """Whether a body names an event that is neither a status change nor an outcome."""
    return body.get("event") not in (None, STATUS_EVENT, OUTCOME_EVENT)


def identify(document: Document, key: bytes | None) -> Identity:
    """An operation is known by its ``id``, whatever the record's key. Raises Invalid."""
    operation_id = uuid_of(document, "id")
    return Identity(operation_id, operation_id, operation_id)


def validate(document: Document) -> None:
    """Refuse what 000 does not allow; an unknown event has to say of what and when. Raises Invalid.

    It names the first field at fault.
    """
    try:
        _model_of(document).model_validate(document)
    except ValidationError as failure:
        raise from_validation(failure) from None
    check(document)


def _model_of(document: Document) -> type[BaseModel]:
    if is_unknown(document):
        return UnknownEvent
    return ExecutionOutcome if is_outcome(document) else OperationStatusChanged


def check(document: Document) -> None:
    """Refuse times that don't exist, and weights that don't sum to 1. Raises Invalid."""
    told_inside = is_outcome(document) or is_unknown(document)
    for field in ("updated_at",) if told_inside else ("created_at", "updated_at"):
        check_time(document[field], f"/{field}")
    if not told_inside:
        weights_rounded(document)


def weights_rounded(document: Document) -> bool:
    """Whether the weights miss 1 by no more than their rounding explains. Raises Invalid where they miss by more.

    Thirds of two digits or more may be off by one unit in the last place each.
    """
    weights = [Decimal(allocation["weight"]) for allocation in document["allocations"]]
    with localcontext(_EXACT):
        total = sum(weights, Decimal(0))
        off = abs(total - 1)
    if not off:
        return False
    scale = max((-int(weight.as_tuple().exponent) for weight in weights), default=0)
    if scale < _LEAST_ROUNDED_SCALE or off > len(weights) * Decimal(1).scaleb(-scale):
        raise Invalid("weights_sum", f"the weights sum to {total}, not to 1", "/allocations")
    return True


def observe(document: Document, value: bytes) -> Fact:
    """The fact in a valid document; a ``status_reason`` of null counts as empty."""
    if _has_extras(document):
        document = read_exactly(value)
    if document.get("status_reason", "") is None:
        document = {**document, "status_reason": ""}
    return Fact(milliseconds(document["updated_at"]), document, digest(document))


def _has_extras(document: Document) -> bool:
    if is_unknown(document):
        return True
    if is_outcome(document):
        return not document.keys() <= _KNOWN_OUTCOME
    return not document.keys() <= _KNOWN or any(
        not allocation.keys() <= _KNOWN_ALLOCATION for allocation in document["allocations"]
    )
