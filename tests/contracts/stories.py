"""A life for each service in which every message is sent and every event derived: what the examples are taken from.

The sources' own examples are among them. The last input of each is refused, for the example of a dead letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from services.executions import AGGREGATE as EXECUTIONS
from services.versions.plan import order_ids
from tests.contracts.golden import AGGREGATES, KEYS, MESSAGES, message
from tests.libs.ledger.folding import Outcome, fold_input, records_of

Body = dict[str, Any]


def told(service: str, name: str, **other: Any) -> Body:
    """An example of a source, but for some fields."""
    return {**orjson.loads(message(service, name)), **other}


def _without(field: str, body: Body) -> Body:
    return {name: value for name, value in body.items() if name != field}


def executions() -> list[Body]:
    """Settled, rejected and skipped ones; of the first it is said in the end that it was rejected."""
    first = orjson.loads(message("executions", "awaiting_execution"))
    skipped = {"id": "4f6c3a8e-2b1d-4e5f-8a7b-9c0d1e2f3a4b", "status": "skipped"}
    contradiction = {"status": "rejected", "status_reason": "insufficient_funds", "instructions": []}
    return [
        *(told("executions", name) for name in MESSAGES["executions"]),
        {**first, **skipped, "updated_at": "2026-05-29T18:56:47Z"},
        {**first, **contradiction, "updated_at": "2026-05-29T18:56:48Z"},
        _without("status", first),
    ]


def operations() -> list[Body]:
    """Said to be settled in part before an execution was rejected, and in the end to be settled as a whole."""
    folded = fold_input(EXECUTIONS, records_of(map(orjson.dumps, executions()[:2])))
    outcomes = [orjson.loads(notice.record.value or b"") for notice in folded.notices]
    other = {"execution_id": "0b5d7f91-3c2e-4a6b-9d8f-1e2a3b4c5d6e", "status": "rejected"}
    return [
        told("operations", "pricing"),
        *outcomes,
        told("operations", "settled", status_reason="partial_success"),
        {**outcomes[-1], **other, "status_reason": "insufficient_funds"},
        told("operations", "settled"),
        told("operations", "failed"),
        _without("status", told("operations", "pricing")),
    ]


def agents() -> list[Body]:
    """A day of an agent that falls silent for two hours, and comes back with half of its budget used."""
    late = {"equity": "10120.10", "drawdown": "0.0127", "daily_drawdown_used": "0.54"}
    return [
        *(told("agents", name) for name in MESSAGES["agents"]),
        {"event": "agent.clock", "ts": "2026-05-29T20:40:00Z"},
        told("agents", "snapshot", ts="2026-05-29T21:00:00Z", **late),
        _without("ts", told("agents", "snapshot")),
    ]


def _order(seq: int, event: str, order_id: str, **data: Any) -> Body:
    return told("strategies", "order_filled", event=event, seq=seq, data={"order_id": order_id, **data})


def strategies() -> list[Body]:
    """Deployed, halted and paused; events of the account are missing until a snapshot stands in for them."""
    envelope = told("strategies", "error")
    scope = {"channel": envelope["channel"], "event": "connector.scope", "ts": "2026-04-29T11:59:00.000Z"}
    terms = {"symbol": "BTCUSDT", "side": "buy", "type": "limit", "price": "67234.50", "quantity": "0.0150"}
    answer: Body = {"status": "paused", "error": None, "positions": [], "orders": []}
    sums = {"realized_pnl": "9.83", "fees": {"USDT": "0.5039"}}
    return [
        {**scope, "data": {"subscriptions": ["*"]}},
        {**envelope, "event": "deployed", "seq": 12480, "ts": "2026-04-29T11:59:30.000Z", "data": {}},
        {**_order(12481, "order_placed", "ord_77e2b1", **terms), "ts": "2026-04-29T11:59:58.000Z"},
        {**_order(12482, "order_placed", "ord_77e2b2", **terms), "ts": "2026-04-29T11:59:59.000Z"},
        told("strategies", "position_opened"),
        told("strategies", "order_filled"),
        {**_order(12492, "order_cancelled", "ord_77e2b2"), "ts": "2026-04-29T12:10:00.000Z"},
        told("strategies", "position_closed"),
        envelope,
        {**envelope, "event": "paused", "seq": 12605, "ts": "2026-04-29T14:06:00.000Z", "data": {}},
        {
            **envelope,
            "event": "strategy.snapshot",
            "seq": 12605,
            "ts": "2026-04-29T14:10:00.000Z",
            "data": {**answer, **sums},
        },
        _without("ts", envelope),
    ]


_DUE: Final = "019d7a2b-c3d4-7e56-b789-01234abcdef1"
_CANCELLED: Final = "019d7a2b-c3d4-7e56-b789-01234abcdef2"


def versions() -> list[Body]:
    """One is executed to its end, one deleted, one fails and one is cancelled; what was executed can't be deleted."""
    execute, filled = told("versions", "execute"), told("versions", "order_filled")
    executed_at, due_at = 2, 8
    goog = order_ids(f"versions.in/0/{executed_at}", 2)[1]
    failing = order_ids(f"versions.in/0/{due_at}", 3)[::2]  # the second is too small to be sent
    rest = {"filled_quantity": "2.202", "filled_value": "374.89", "filled_average_price": "170.25"}
    nothing = dict.fromkeys(("filled_quantity", "filled_value", "filled_average_price"))
    refused = {"status": "FAILED", "status_reason": "market_closed", **nothing}
    halves = [{"symbol": "NVDA", "weight": "20.0"}, {"symbol": "MSFT", "weight": "70.0"}]
    due = {**execute["data"], "version_id": _DUE, "positions": halves, "idempotency_key": None}
    draft = told("versions", "drafted")
    planned = {"version_id": _DUE, "positions": halves, "scheduled_for": "2025-03-10T15:02:00Z"}
    delete, at = told("versions", "delete"), "2025-03-10T15:0{}:00.000Z"
    wrong = {"version_id": execute["data"]["version_id"]}
    return [
        told("versions", "registered"),
        draft,
        execute,
        filled,
        {**filled, "id": "fill-2", "ts": at.format(0), "data": {**filled["data"], "order_id": goog, **rest}},
        delete,
        {**delete, "id": "delete-2", "ts": at.format(1), "data": wrong},
        {**draft, "id": "draft-2", "ts": at.format(1), "data": planned},
        {**execute, "event": "version.due", "id": "due-1", "ts": at.format(2), "data": due},
        *(
            {
                **filled,
                "id": f"failure-{number}",
                "ts": at.format(3 + number),
                "data": {"order_id": one, **refused},
            }
            for number, one in enumerate(failing)
        ),
        {
            **draft,
            "id": "draft-3",
            "ts": at.format(7),
            "data": {**draft["data"], "version_id": _CANCELLED},
        },
        {
            "event": "version.cancel_requested",
            "id": "cancel-1",
            "ts": at.format(8),
            "strategy_id": draft["strategy_id"],
            "data": {"version_id": _CANCELLED},
        },
        _without("ts", draft),
    ]


STORIES: Final[Mapping[str, list[Body]]] = {
    "operations": operations(),
    "executions": executions(),
    "versions": versions(),
    "agents": agents(),
    "strategies": strategies(),
}


def folded(service: str) -> Outcome:
    """What a service's story comes to."""
    values = [orjson.dumps(body) for body in STORIES[service]]
    return fold_input(AGGREGATES[service], records_of(values, KEYS.get(service)))
