"""What the ``data`` of each derived event has: as JSON Schemas, by the event's name (``stratafold.<name>.v1``).

An event may say more than its schema: readers leave aside what they don't know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from libs.contracts.agents import MESSAGES
from libs.contracts.fields import AMOUNT_PATTERN
from libs.contracts.strategies import DATA

Json = dict[str, Any]

_TEXT: Final[Json] = {"type": "string"}
_MAYBE: Final[Json] = {"type": ["string", "null"]}
_AMOUNT: Final[Json] = {"type": "string", "pattern": AMOUNT_PATTERN}
_MAYBE_AMOUNT: Final[Json] = {"type": ["string", "null"], "pattern": AMOUNT_PATTERN}
_COUNT: Final[Json] = {"type": "integer", "minimum": 0}


def _object(fields: Mapping[str, Json], optional: Mapping[str, Json] | None = None) -> Json:
    return {
        "type": "object",
        "properties": {**fields, **(optional or {})},
        "required": list(fields),
        "additionalProperties": True,
    }


def _texts(*names: str) -> dict[str, Json]:
    return dict.fromkeys(names, _TEXT)


def _of(model: Any, *left_out: str) -> Json:
    """What a source's message says, as it leaves again."""
    schema: Json = model.model_json_schema(mode="serialization")
    kept = {name: one for name, one in schema["properties"].items() if name not in left_out}
    required = [name for name in schema.get("required", ()) if name not in left_out]
    rest = {name: one for name, one in schema.items() if name not in ("properties", "required", "title")}
    return {**rest, "properties": kept, "required": required}


def _also(schema: Json, fields: Mapping[str, Json]) -> Json:
    """A schema with fields that every event of its kind has."""
    names = list(dict.fromkeys([*fields, *schema.get("required", ())]))
    return {**schema, "properties": {**schema["properties"], **fields}, "required": names}


_OUTCOMES: Final = _object(dict.fromkeys(("total", "settled", "rejected", "skipped"), _COUNT))
_STATUS: Final = _texts("status", "status_reason")
_DISPUTE: Final = _object(
    {"stands": _object({"status": _MAYBE, "status_reason": _MAYBE}), "claimed": {"type": "object"}}
)
_JUDGED: Final = _object({**_STATUS, "executions": _OUTCOMES})
_EXECUTION: Final = _texts("strategy_id", "operation_id", "trader_id", "participant_code", "account_label")
_EXECUTION_END: Final = _object({**_EXECUTION, **_STATUS, **_texts("updated_at")})
_FILLED: Final = {
    "index": _COUNT,
    **_texts("strategy_id", "operation_id", "underlying_currency", "quoted_currency", "side"),
    "amount": _AMOUNT,
    **_texts("amount_type", "status", "status_reason"),
    **dict.fromkeys(("price", "quantity", "total_notional"), _AMOUNT),
    "trade_ids": {"type": "array", "items": _TEXT},
    "executed_at": _TEXT,
}
_VERSION: Final = _texts("version_id", "strategy_id")
_WEIGHED: Final = _object(
    {**_texts("id", "symbol"), "old_weight": _AMOUNT, "weight": _AMOUNT, "action": _TEXT}
)
_PLAN: Final = {
    **_VERSION,
    "cash_weight": _AMOUNT,
    "old_cash_weight": _AMOUNT,
    "scheduled_for": _MAYBE,
    "positions": {"type": "array", "items": _WEIGHED},
}
_ORDER: Final = _object(
    {
        **_VERSION,
        **_texts("id", "date", "side", "symbol", "status"),
        "status_reason": _MAYBE,
        "order_quantity": _AMOUNT,
        "order_value": _AMOUNT,
        **dict.fromkeys(("filled_quantity", "filled_value", "filled_average_price"), _MAYBE_AMOUNT),
    }
)
_ENDED: Final = _object(
    {**_VERSION, "orders": _object(dict.fromkeys(("filled", "ignored", "failed"), _COUNT))}
)
_SILENT: Final = _object({"silent_ms": {"type": "integer"}})
_BLOCKS: Final = {"risk_veto": "policy", "twak_block": "signer", "quote_rejected": "quote"}
_STRATEGY: Final = {**_texts("account", "strategy_id"), "seq": _COUNT}
_GAP: Final = {"account": _TEXT, "from": _COUNT, "to": _COUNT}

EVENTS: Final[dict[str, Json]] = {
    "operation.started": _object(_texts("strategy_id", "request_id", "type", "status", "created_at")),
    "operation.status_changed": _object(
        {**_texts("from", "to", "status_reason"), "dwell_ms": {"type": "integer"}}
    ),
    "operation.completed": _object({**_STATUS, "duration_ms": {"type": "integer"}, "executions": _OUTCOMES}),
    "operation.disputed": _DISPUTE,
    "operation.mismatch": _JUDGED,
    "operation.reconciled": _JUDGED,
    "execution.created": _object({**_EXECUTION, **_texts("status", "created_at")}),
    "instruction.executed": _object(_FILLED),
    **{f"execution.{status}": _EXECUTION_END for status in ("settled", "rejected", "skipped")},
    "execution.disputed": _DISPUTE,
    "version.drafted": _object(_PLAN),
    "version.scheduled": _object({**_VERSION, "scheduled_for": _TEXT}),
    "version.executed": _object({**_PLAN, "executed_at": _TEXT, "portfolio_value": _AMOUNT}),
    "version.status_changed": _object({**_VERSION, "from": _MAYBE, "to": _TEXT}),
    "version.completed": _ENDED,
    "version.failed": _ENDED,
    "version.cancelled": _object(_VERSION),
    "version.deleted": _object(_VERSION),
    "version.refused": _object(
        {"version_id": _TEXT, "strategy_id": _MAYBE, **_texts("command", "event", "code", "detail")}
    ),
    "order.created": _ORDER,
    "order.updated": _ORDER,
    "agent.snapshot": _of(MESSAGES["snapshot"], "event"),
    "agent.traded": _of(MESSAGES["trade"], "event"),
    "agent.blocked": {
        "oneOf": [
            _also(_of(MESSAGES[event], "event"), {"by": {"const": by}}) for event, by in _BLOCKS.items()
        ]
    },
    "agent.status_changed": _of(MESSAGES["status_change"], "event"),
    "agent.promoted": _of(MESSAGES["promotion"], "event"),
    "agent.demoted": _of(MESSAGES["demotion"], "event"),
    "agent.drawdown_crossed": _object(_texts("threshold", "daily_drawdown_used", "drawdown", "equity", "ts")),
    "agent.quiet": _SILENT,
    "agent.resumed": _SILENT,
    "strategy.status_changed": _object(
        {**_texts("account", "strategy_id"), "seq": _COUNT, "from": _MAYBE, "to": _TEXT}
    ),
    **{
        f"strategy.{event}": _also(_of(DATA[event]), _STRATEGY)
        for event in ("position_opened", "position_closed", "order_placed", "order_cancelled", "error")
    },
    "strategy.order_filled": _also(_of(DATA["order_filled"]), {**_STRATEGY, "delta_quantity": _AMOUNT}),
    "strategy.halted": _also(_of(DATA["error"]), _STRATEGY),
    "strategy.gap_opened": _object(_GAP),
    "strategy.gap_closed": _object({**_GAP, "by": {"enum": ["arrival", "snapshot"]}}),
}
