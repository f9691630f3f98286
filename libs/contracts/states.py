"""What ``<service>.state`` carries: the document of an entity, as JSON Schemas by the service.

A field that nothing is known of (yet) is null. A document may say more than its schema: unknown fields of the sources
are kept, and readers leave aside what they don't know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from libs.contracts.agents import LIVE, PAPER
from libs.contracts.executions import ExecutionStatusChanged
from libs.contracts.fields import LONG_AMOUNT_PATTERN
from libs.contracts.operations import OperationStatusChanged
from libs.contracts.schema_parts import (
    AMOUNT,
    COMPUTED,
    COUNT,
    MAYBE,
    MAYBE_AMOUNT,
    TEXT,
    TIME,
    Json,
    open_object,
    texts,
)
from libs.contracts.statuses import STATUSES

_MAYBE_LONG_AMOUNT: Final[Json] = {"type": ["string", "null"], "pattern": LONG_AMOUNT_PATTERN}
_MAYBE_TIME: Final[Json] = {"type": ["string", "null"], "format": "date-time"}
_BOOKKEEPING: Final[dict[str, Json]] = {
    "sequence": {"type": "integer", "minimum": 1, "description": "Of its latest fact: 1, 2, 3 … without gaps."},
    "disputed": {"type": "boolean", "description": "A fact contradicted what stands."},
    "first_recorded_at": TIME,
    "last_recorded_at": TIME,
}  # fmt: skip


def _statuses(service: str) -> Json:
    return {"enum": [*STATUSES[service], None]}


def _last_told(model: type[BaseModel], service: str, more: Mapping[str, Json] | None = None) -> Json:
    """The fields of the source's message as it was applied last, each but the id null before one was."""
    schema = model.model_json_schema(mode="serialization")
    told: dict[str, Json] = {
        name: one if name == "id" else _or_null(one) for name, one in schema["properties"].items()
    }
    known = {**told, "status": _statuses(service), **(more or {}), **_BOOKKEEPING}
    return {**open_object(known), "$defs": schema["$defs"]}


def _or_null(schema: Json) -> Json:
    if schema.get("type") == "string":
        return {**schema, "type": ["string", "null"]}
    return schema if "anyOf" in schema else {"anyOf": [schema, {"type": "null"}]}


def _entity(fields: Mapping[str, Json]) -> Json:
    return open_object({**fields, **_BOOKKEEPING})


def _list(item: Json, description: str) -> Json:
    return {"type": "array", "items": item, "description": description}


def _maybe(*names: str) -> dict[str, Json]:
    return dict.fromkeys(names, MAYBE)


_ORDER: Final = open_object(
    {
        **texts("id", "date", "side", "symbol", "status"),
        "status_reason": MAYBE,
        "order_quantity": COMPUTED,
        "order_value": COMPUTED,
        **dict.fromkeys(("filled_quantity", "filled_value", "filled_average_price"), MAYBE_AMOUNT),
        "inserted_at": TIME,
        "updated_at": TIME,
    }
)
_POSITION: Final = open_object(
    {**texts("id", "symbol"), "old_weight": AMOUNT, "weight": AMOUNT, "action": TEXT}
)
_GAP: Final[Json] = {"type": "array", "items": COUNT, "minItems": 2, "maxItems": 2}

STATES: Final[dict[str, Json]] = {
    "operations": _last_told(
        OperationStatusChanged,
        "operations",
        {
            "weights_rounded": {"type": "boolean", "description": "The weights are thirds or the like."},
            "executions": open_object(
                dict.fromkeys(("total", "awaiting_execution", "settled", "rejected", "skipped"), COUNT)
            ),
            "execution_ids": _list(TEXT, "Sorted."),
        },
    ),
    "executions": _last_told(ExecutionStatusChanged, "executions"),
    "versions": _entity(
        {
            "id": TEXT,
            **_maybe("strategy_id", "organization_id"),
            **dict.fromkeys(("cash_weight", "old_cash_weight"), MAYBE_AMOUNT),
            "scheduled_for": _MAYBE_TIME,
            "status": _statuses("versions"),
            **dict.fromkeys(("executed_at", "inserted_at"), _MAYBE_TIME),
            "positions": _list(_POSITION, "What each symbol was, and is to be."),
            "orders": _list(_ORDER, "None before the version is executed."),
            "refused": _list(
                open_object(texts("command", "event", "code", "detail")), "The last commands that were refused."
            ),
        }
    ),
    "agents": _entity(
        {
            "id": TEXT,
            **_maybe("status", "phase"),
            **dict.fromkeys(("equity", "peak_equity", "drawdown", "daily_drawdown_used"), _MAYBE_LONG_AMOUNT),
            "mode": {"enum": [PAPER, LIVE]},
            **_maybe("promotion_tx_hash", "demotion_rule", "demotion_limit"),
            "locked_until": _MAYBE_TIME,
            "trades_total": COUNT,
            **dict.fromkeys(("realised_pnl_total", "fees_total"), COMPUTED),
            **dict.fromkeys(("risk_vetoes_total", "twak_blocks_total", "quotes_rejected_total"), COUNT),
            "last_event": MAYBE,
            "last_event_at": _MAYBE_TIME,
        }
    ),
    "strategies": _entity(
        {
            "id": {**TEXT, "description": "<account>:<strategy_id>"},
            **texts("account", "strategy_id"),
            "status": _statuses("strategies"),
            "error": {**open_object(texts("code", "message")), "type": ["object", "null"]},
            "positions": _list(open_object({"position_id": TEXT}), "Open ones, as they were told last."),
            "orders": _list(open_object({"order_id": TEXT}), "Open ones, as they were told last."),
            "realized_pnl": COMPUTED,
            "fees": {"type": "object", "additionalProperties": COMPUTED, "description": "By currency."},
            "completeness": {"enum": ["complete", "suspect", "repaired"]},
            "gaps": _list(_GAP, "Of its account: the first and the last number of what is missing."),
            "upstream_seq": {"type": ["integer", "null"], "minimum": 0},
        }
    ),
}  # fmt: skip
