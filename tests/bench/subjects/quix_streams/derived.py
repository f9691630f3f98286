"""What follows from a fact: the data of derived events, and the notice to the operation. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

from tests.bench.subjects.quix_streams.contract import EXECUTED, FILL, RANKS, TERMINAL, Document
from tests.bench.subjects.quix_streams.differences import differing
from tests.bench.subjects.quix_streams.envelope import Derived
from tests.bench.subjects.quix_streams.execution import Memory, canonical
from tests.bench.subjects.quix_streams.output import Output

_OWNER: Final = ("strategy_id", "operation_id", "trader_id", "participant_code", "account_label")
_CREATED: Final = (*_OWNER, "status", "created_at")
_ENDED: Final = (*_OWNER, "status", "status_reason", "updated_at")
_ORDER: Final = (
    "underlying_currency",
    "quoted_currency",
    "side",
    "amount",
    "amount_type",
    "status",
    "status_reason",
)
_FILLED: Final = (*_ORDER, *FILL)
_IDENTITY: Final = ("strategy_id", "operation_id")
_CLAIMED: Final = (*_IDENTITY, "status", "status_reason")
_TOLD: Final = ("status", "status_reason", "strategy_id", "updated_at")


def applied(before: str | None, filled: list[int], body: Document) -> Derived:
    """Of a new status; ``filled`` are the instructions that were known to be executed."""
    found: Derived = []
    if before is None:
        found.append(("execution.created", {name: body[name] for name in _CREATED}))
    for index, instruction in enumerate(body["instructions"]):
        if instruction["status"] == EXECUTED and index not in filled:
            data: dict[str, Any] = {"index": index, **{name: body[name] for name in _IDENTITY}}
            found.append(("instruction.executed", data | {name: instruction[name] for name in _FILLED}))
    status = body["status"]
    if RANKS[status] == TERMINAL:
        found.append((f"execution.{status}", {name: body[name] for name in _ENDED}))
    return found


def disputed(memory: Memory, document: bytes, body: Document) -> Derived:
    """Of a fact that contradicts what stands."""
    if memory.status is not None:
        differs = differing(document, canonical(body))
    else:
        differs = [f"/{name}" for name in _IDENTITY if body[name].lower() != getattr(memory, name)]
    stands = {"status": memory.status, "status_reason": memory.status_reason}
    claimed = {name: body[name] for name in _CLAIMED}
    return [("execution.disputed", {"stands": stands, "claimed": claimed, "differs": differs})]


def notice(execution_id: str, operation_id: str, body: Document) -> Output:
    """What the operation is told of an applied status."""
    outcome = {
        "event": "execution.outcome",
        "id": operation_id,
        "execution_id": execution_id,
        **{name: body[name] for name in _TOLD},
    }
    return Output("operations.in", operation_id.encode(), orjson.dumps(outcome))
