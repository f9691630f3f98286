"""An execution as Redis and ``executions.state`` show it, and back."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from libs.ledger.aggregate import View
from libs.ledger.document import Body, from_hash, hash_fields
from services.executions.model import SHAPE, Execution, filled


def render(state: Execution) -> View:
    """The projection's own fields: the last applied body, or its id alone."""
    body = state.body or Body(
        orjson.dumps({name: state.id if name == "id" else None for name in SHAPE.fields})
    )
    indexes = {("status", state.status), ("strategy", state.strategy_id)}
    known = frozenset((name, value) for name, value in indexes if value is not None)
    return View(hash_fields(body), body.json, known)


def restore(execution_id: str, fields: Mapping[str, str]) -> Execution:
    """The state that ``render`` was made from. Raises KeyError, ValueError."""
    if fields["status"] == "null":
        return Execution(execution_id)
    return Execution(
        id=execution_id,
        strategy_id=fields["strategy_id"].lower(),
        operation_id=fields["operation_id"].lower(),
        status=fields["status"],
        status_reason=fields["status_reason"],
        body=from_hash(fields, SHAPE),
        filled=filled(orjson.loads(fields["instructions"])),
    )
