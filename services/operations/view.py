"""An operation as Redis and ``operations.state`` show it, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from libs.contracts.operations import RANKS
from libs.ledger.aggregate import View
from libs.ledger.document import (
    as_json,
    body_json,
    from_hash,
    hash_fields,
    nothing_known,
    optional_fields,
)
from libs.ledger.times import milliseconds
from services.operations.model import SHAPE, Operation, counts

_IDENTITY: Final = "_identity"  # of an operation of which no status change was applied yet
_LETTERS: Final = {"awaiting_execution": "a", "settled": "s", "rejected": "r", "skipped": "k"}
_STATUSES: Final = {letter: status for status, letter in _LETTERS.items()}
_CLAIMED: Final = "?"  # for a status that is only claimed: such a state is shown, never stored


def render(state: Operation) -> View:
    """The projection's own fields; ``_executions`` holds one letter for each of ``execution_ids``."""
    ids = sorted(state.executions)
    executions, execution_ids = orjson.dumps(counts(state)).decode(), orjson.dumps(ids).decode()
    own = (
        f'"weights_rounded":{"true" if state.weights_rounded else "false"},'
        f'"executions":{executions},"execution_ids":{execution_ids}'
    )
    own_fields = {
        "weights_rounded": "1" if state.weights_rounded else "0",
        "executions": executions,
        "execution_ids": execution_ids,
        "_executions": "".join(_LETTERS.get(state.executions[one], _CLAIMED) for one in ids),
        "_mismatched": "1" if state.mismatched else "0",
    }
    body = state.body
    if body is None:
        fields = nothing_known(SHAPE, id=state.id, strategy_id=state.strategy_id if ids else None)
        json = as_json(fields, frozenset(name for name, text in fields.items() if text == "null"))
        identity = (state.strategy_id, state.request_id, state.type)
        fields = fields | {_IDENTITY: orjson.dumps(identity).decode()}
        optional = frozenset((_IDENTITY,))
    else:
        fields = hash_fields(body)
        json = body_json(body, SHAPE)
        optional = optional_fields(body, SHAPE)
    applied = state.strategy_id if ids or body else None
    unheard = (
        "outcomes" if ids and body is None else None
    )  # known by its executions alone: in no index of a status
    indexes = (("status", state.status), ("strategy", applied), ("known", unheard))
    known = frozenset((name, value) for name, value in indexes if value is not None)
    return View(fields | own_fields, b"%b,%b}" % (json[:-1], own.encode()), known, optional)


def restore(operation_id: str, fields: Mapping[str, str]) -> Operation:
    """The state that ``render`` was made from. Raises KeyError, ValueError."""
    ids = orjson.loads(fields["execution_ids"])
    letters = fields["_executions"]
    executions = {execution_id: _STATUSES[letter] for execution_id, letter in zip(ids, letters, strict=True)}
    mismatched = fields["_mismatched"] == "1"
    if fields["status"] == "null":
        strategy_id, request_id, kind = orjson.loads(fields[_IDENTITY])
        return Operation(
            operation_id, strategy_id, request_id, kind, executions=executions, mismatched=mismatched
        )
    if fields["status"] not in RANKS:
        raise ValueError(f"status is {fields['status']!r}, which is never applied")
    return Operation(
        id=operation_id,
        strategy_id=fields["strategy_id"].lower(),
        request_id=fields["request_id"].lower(),
        type=fields["type"],
        status=fields["status"],
        status_reason=fields["status_reason"],
        updated_at=milliseconds(fields["updated_at"]),
        body=from_hash(fields, SHAPE),
        weights_rounded=fields["weights_rounded"] == "1",
        executions=executions,
        mismatched=mismatched,
    )
