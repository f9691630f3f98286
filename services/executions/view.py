"""An execution as Redis and ``executions.state`` show it, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from libs.contracts.executions import RANKS
from libs.ledger.aggregate import View
from libs.ledger.document import (
    as_json,
    body_json,
    from_hash,
    hash_fields,
    nothing_known,
    optional_fields,
)
from services.executions.model import SHAPE, Execution, filled

_IDENTITY: Final = "_identity"  # of an execution of which no status change was applied yet, where one came
_UNKNOWN: Final = frozenset(SHAPE.fields) - {"id"}


def render(state: Execution) -> View:
    """The projection's own fields: the last applied body, or its id alone."""
    body = state.body
    if body is None:
        fields = nothing_known(SHAPE, id=state.id)
        identity = {_IDENTITY: f"{state.strategy_id} {state.operation_id}"} if state.strategy_id else {}
        return View(fields | identity, as_json(fields, _UNKNOWN), frozenset(), frozenset(identity))
    indexes = frozenset((("status", str(state.status)), ("strategy", str(state.strategy_id))))
    return View(hash_fields(body), body_json(body, SHAPE), indexes, optional_fields(body, SHAPE))


def restore(execution_id: str, fields: Mapping[str, str]) -> Execution:
    """The state that ``render`` was made from. Raises KeyError, ValueError."""
    if fields["status"] == "null":
        if _IDENTITY not in fields:
            return Execution(execution_id)
        strategy_id, operation_id = fields[_IDENTITY].split(" ")
        return Execution(execution_id, strategy_id, operation_id)
    if fields["status"] not in RANKS:
        raise ValueError(f"status is {fields['status']!r}, which is never applied")
    return Execution(
        id=execution_id,
        strategy_id=fields["strategy_id"].lower(),
        operation_id=fields["operation_id"].lower(),
        status=fields["status"],
        status_reason=fields["status_reason"],
        body=from_hash(fields, SHAPE),
        filled=filled(orjson.loads(fields["instructions"])),
    )
