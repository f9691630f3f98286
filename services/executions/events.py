"""The facts of executions: their status changes (003)."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from libs.contracts.executions import (
    EXECUTED,
    FILL_FIELDS,
    STATUS_EVENT,
    ExecutionStatusChanged,
    Instruction,
)
from libs.contracts.plain import plain_form
from libs.contracts.trade_strategy import UnknownEvent
from libs.ledger.checks import check_time, is_uuid, uuid_of
from libs.ledger.digest import digest
from libs.ledger.fact import Fact, Identity
from libs.ledger.invalid import Invalid, from_validation
from libs.ledger.reading import Document, read_exactly
from libs.ledger.times import milliseconds

PLAIN: Final = plain_form(ExecutionStatusChanged)
_KNOWN: Final = frozenset(ExecutionStatusChanged.model_fields)
_KNOWN_INSTRUCTION: Final = frozenset(Instruction.model_fields)


def is_unknown(body: Document) -> bool:
    """Whether a body names an event that is no status change; one has no ``event``, or its webhook's name."""
    return body.get("event") not in (None, STATUS_EVENT)


def identify(document: Document, key: bytes | None) -> Identity:
    """An execution is known by its ``id``, whatever the record's key; it belongs to its operation. Raises Invalid."""
    execution_id = uuid_of(document, "id")
    operation_id = document.get("operation_id")
    return Identity(execution_id, execution_id, str(operation_id).lower() if is_uuid(operation_id) else None)


def validate(document: Document) -> None:
    """Refuse what 003 does not allow; an unknown event has to say of what and when. Raises Invalid.

    It names the first field at fault.
    """
    try:
        (UnknownEvent if is_unknown(document) else ExecutionStatusChanged).model_validate(document)
    except ValidationError as failure:
        raise from_validation(failure) from None
    check(document)


def check(document: Document) -> None:
    """Refuse times that don't exist, and fills that are not whole. Raises Invalid."""
    if is_unknown(document):
        check_time(document["updated_at"], "/updated_at")
        return
    for field in ("created_at", "updated_at"):
        check_time(document[field], f"/{field}")
    for index, instruction in enumerate(document["instructions"]):
        _check_fill(instruction, index)


def _check_fill(instruction: Document, index: int) -> None:
    """An executed instruction has all fields of its fill."""
    if instruction["status"] == EXECUTED:
        for field in FILL_FIELDS:
            if instruction.get(field) is None:
                detail = f"{field} is missing from an executed instruction"
                raise Invalid("missing_field", detail, f"/instructions/{index}/{field}")
    executed_at = instruction.get("executed_at")
    if executed_at is not None:
        check_time(executed_at, f"/instructions/{index}/executed_at")


def observe(document: Document, value: bytes) -> Fact:
    """The fact in a valid document; a ``status_reason`` of null counts as empty, an instruction's too."""
    if is_unknown(document) or _has_extras(document):
        document = read_exactly(value)
    if not is_unknown(document):
        document = _with_reason(document)
        instructions = [_with_reason(instruction) for instruction in document["instructions"]]
        document = {**document, "instructions": instructions}
    return Fact(milliseconds(document["updated_at"]), document, digest(document))


def _with_reason(told: Document) -> Document:
    return {**told, "status_reason": ""} if told["status_reason"] is None else told


def _has_extras(document: Document) -> bool:
    return not document.keys() <= _KNOWN or any(
        not instruction.keys() <= _KNOWN_INSTRUCTION for instruction in document["instructions"]
    )
