"""What the ``data`` of each derived event has: as JSON Schemas, by the event's name (``stratafold.<name>.v1``).

An event may say more than its schema: readers leave aside what they don't know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from libs.contracts.agents import MESSAGES
from libs.contracts.names import service_of
from libs.contracts.schema_parts import (
    AMOUNT,
    COMPUTED,
    COUNT,
    MAYBE,
    MAYBE_AMOUNT,
    TEXT,
    Json,
    open_object,
    texts,
)
from libs.contracts.strategies import DATA


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


_OUTCOMES: Final = open_object(dict.fromkeys(("total", "settled", "rejected", "skipped"), COUNT))
_STATUS: Final = texts("status", "status_reason")
_DISPUTE: Final = open_object(
    {"stands": open_object({"status": MAYBE, "status_reason": MAYBE}), "claimed": {"type": "object"}},
    {
        "differs": {"type": "array", "items": {"type": "string", "format": "json-pointer"}},
        "execution_status": MAYBE,
    },
)
_JUDGED: Final = open_object({**_STATUS, "executions": _OUTCOMES})
_EXECUTION: Final = texts("strategy_id", "operation_id", "trader_id", "participant_code", "account_label")
_EXECUTION_END: Final = open_object({**_EXECUTION, **_STATUS, **texts("updated_at")})
_FILLED: Final = {
    "index": COUNT,
    **texts("strategy_id", "operation_id", "underlying_currency", "quoted_currency", "side"),
    "amount": AMOUNT,
    **texts("amount_type", "status", "status_reason"),
    **dict.fromkeys(("price", "quantity", "total_notional"), AMOUNT),
    "trade_ids": {"type": "array", "items": TEXT},
    "executed_at": TEXT,
}
_VERSION: Final = texts("version_id", "strategy_id")
_WEIGHED: Final = open_object(
    {**texts("id", "symbol"), "old_weight": AMOUNT, "weight": AMOUNT, "action": TEXT}
)
_PLAN: Final = {
    **_VERSION,
    "cash_weight": AMOUNT,
    "old_cash_weight": AMOUNT,
    "scheduled_for": MAYBE,
    "positions": {"type": "array", "items": _WEIGHED},
}
_ORDER: Final = open_object(
    {
        **_VERSION,
        **texts("id", "date", "side", "symbol", "status"),
        "status_reason": MAYBE,
        "order_quantity": COMPUTED,
        "order_value": COMPUTED,
        **dict.fromkeys(("filled_quantity", "filled_value", "filled_average_price"), MAYBE_AMOUNT),
    }
)
_ENDED: Final = open_object(
    {**_VERSION, "orders": open_object(dict.fromkeys(("filled", "ignored", "failed"), COUNT))}
)
_SILENT: Final = open_object({"silent_ms": {"type": "integer"}})
_BLOCKS: Final = {"risk_veto": "policy", "twak_block": "signer", "quote_rejected": "quote"}
_STRATEGY: Final = {**texts("account", "strategy_id"), "seq": COUNT}
_GAP: Final = {"account": TEXT, "from": COUNT, "to": COUNT}

EVENTS: Final[dict[str, Json]] = {
    "operation.started": open_object(texts("strategy_id", "request_id", "type", "status", "created_at")),
    "operation.status_changed": open_object(
        {**texts("from", "to", "status_reason"), "dwell_ms": {"type": "integer"}}
    ),
    "operation.completed": open_object(
        {**_STATUS, "duration_ms": {"type": "integer"}, "executions": _OUTCOMES}
    ),
    "operation.disputed": _DISPUTE,
    "operation.mismatch": _JUDGED,
    "operation.reconciled": _JUDGED,
    "execution.created": open_object({**_EXECUTION, **texts("status", "created_at")}),
    "instruction.executed": open_object(_FILLED),
    **{f"execution.{status}": _EXECUTION_END for status in ("settled", "rejected", "skipped")},
    "execution.disputed": _DISPUTE,
    "version.drafted": open_object(_PLAN),
    "version.scheduled": open_object({**_VERSION, "scheduled_for": TEXT}),
    "version.executed": open_object({**_PLAN, "executed_at": TEXT, "portfolio_value": AMOUNT}),
    "version.status_changed": open_object({**_VERSION, "from": MAYBE, "to": MAYBE}),
    "version.completed": _ENDED,
    "version.failed": _ENDED,
    "version.cancelled": open_object(_VERSION),
    "version.deleted": open_object(_VERSION),
    "version.refused": open_object(
        {"version_id": TEXT, "strategy_id": MAYBE, **texts("command", "event", "code", "detail")}
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
    "agent.drawdown_crossed": open_object(
        texts("threshold", "daily_drawdown_used", "drawdown", "equity", "ts")
    ),
    "agent.quiet": _SILENT,
    "agent.resumed": _SILENT,
    "strategy.status_changed": open_object(
        {**texts("account", "strategy_id"), "seq": COUNT, "from": MAYBE, "to": MAYBE}
    ),
    **{
        f"strategy.{event}": _also(_of(DATA[event]), _STRATEGY)
        for event in ("position_opened", "position_closed", "order_placed", "order_cancelled", "error")
    },
    "strategy.order_filled": _also(_of(DATA["order_filled"]), {**_STRATEGY, "delta_quantity": AMOUNT}),
    "strategy.halted": _also(_of(DATA["error"]), _STRATEGY),
    "strategy.gap_opened": open_object(_GAP),
    "strategy.gap_closed": open_object({**_GAP, "by": {"enum": ["arrival", "snapshot"]}}),
}
_PARTS: Final = {
    "instruction": "execution",
    "order": "version",
}  # what has no service, but belongs to an entity


def events_of(service: str) -> tuple[str, ...]:
    """The names of the events that a service derives."""
    return tuple(name for name in EVENTS if _service_of(name.partition(".")[0]) == service)


def _service_of(subject: str) -> str:
    return service_of(_PARTS.get(subject, subject))
