"""Executions as a test words them: bodies with what matters changed, and what folding them comes to."""

from __future__ import annotations

from typing import Any

import orjson

from services.executions import AGGREGATE
from tests.contracts.golden import message
from tests.libs.ledger.folding import Outcome, fold_input, records_of

Body = dict[str, Any]

ID = "97b215ed-6985-32c5-b856-77efc9614467"
OPERATION = "663a258c-5e7c-456f-9759-73e02db8b5d9"
STRATEGY = "9ba5e569-a966-42a9-a7ad-666b0a5300f3"
OTHER = "11111111-2222-3333-4444-555555555555"
TERMINAL = ("settled", "skipped", "rejected")
ALL_STATUSES = ("awaiting_execution", *TERMINAL)


def status(name: str, second: int = 46, **other: Any) -> Body:
    """003's example of the same execution with another status; its instructions are executed where it is settled."""
    body: Body = orjson.loads(message("executions", "settled" if name == "settled" else "awaiting_execution"))
    if name in ("skipped", "rejected"):
        body["instructions"] = []
    return body | {"status": name, "updated_at": f"2026-05-29T18:56:{second:02d}Z"} | other


def folded(*bodies: Body) -> Outcome:
    """The bodies folded in this order."""
    return fold_input(AGGREGATE, records_of(map(orjson.dumps, bodies)))


def state(outcome: Outcome) -> Body:
    """The state document at the end."""
    document: Body = orjson.loads(outcome.last_states()[ID.encode()] or b"")
    return document


def told(outcome: Outcome) -> list[Body]:
    """What the operation was told."""
    return [orjson.loads(notice.record.value or b"") for notice in outcome.notices]
