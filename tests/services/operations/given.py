"""Operations as a test words them: bodies with what matters changed, and what folding them comes to."""

from __future__ import annotations

from typing import Any

import orjson

from services.operations import AGGREGATE
from tests.contracts.golden import message
from tests.libs.ledger.folding import Outcome, fold_input, records_of

Body = dict[str, Any]

ID = "663a258c-5e7c-456f-9759-73e02db8b5d9"
STRATEGY = "9ba5e569-a966-42a9-a7ad-666b0a5300f3"
OTHER = "11111111-2222-3333-4444-555555555555"
ALL_STATUSES = ("validating", "pricing", "settling", "settled", "skipped", "failed")
TERMINAL = ALL_STATUSES[3:]


def at(second: int) -> str:
    """A time by the source's clock."""
    return f"2026-05-29T18:56:{second:02d}Z"


def status(name: str, reason: str | None = "", second: int = 43, **other: Any) -> Body:
    """000's example with another status."""
    body: Body = orjson.loads(message("operations", "pricing"))
    return body | {"status": name, "status_reason": reason, "updated_at": at(second), **other}


def execution(number: int, name: str, second: int = 50, **other: Any) -> Body:
    """What the executions service tells of an execution."""
    told = {"execution_id": f"00000000-0000-0000-0000-{number:012d}", "status": name, "status_reason": ""}
    return {
        "event": "execution.outcome",
        "id": ID,
        **told,
        "strategy_id": STRATEGY,
        "updated_at": at(second),
        **other,
    }


def folded(*bodies: Body) -> Outcome:
    """The bodies folded in this order."""
    return fold_input(AGGREGATE, records_of(map(orjson.dumps, bodies)))


def state(outcome: Outcome) -> Body:
    """The state document at the end."""
    document: Body = orjson.loads(outcome.last_states()[ID.encode()] or b"")
    return document
