"""A derived event in a few words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from libs.views.printable import printable

Data = Mapping[str, Any]

_NAMED: Final = 4  # fields that a dispute names, the others it counts
_NUMBER: Final = re.compile(r"-?\d{1,18}(\.\d{1,40})?", re.ASCII)
_UTC: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z", re.ASCII)


def name_of(event_type: str) -> str:
    """``operation.completed`` of ``stratafold.operation.completed.v1``."""
    return event_type.removeprefix("stratafold.").rpartition(".v")[0] or event_type


def summary(event: str, data: Data) -> str:
    """What a person wants to know of an event at a glance."""
    match event:
        case "operation.started":
            said = f"{data.get('type')}, {data.get('status')}"
        case "operation.status_changed":
            said = f"{data.get('from')} → {data.get('to')} after {_seconds(data.get('dwell_ms'))}"
        case "operation.completed":
            said = f"{_status(data)} in {_seconds(data.get('duration_ms'))}, {_executions(data)}"
        case "operation.mismatch" | "operation.reconciled":
            said = f"{_status(data)}, {_executions(data)}"
        case "operation.disputed" | "execution.disputed":
            said = _disputed(data)
        case "execution.created":
            said = f"{data.get('status')}, participant {data.get('participant_code')}"
        case "instruction.executed":
            said = (
                f"{data.get('side')} {data.get('quantity')} {data.get('underlying_currency')}"
                f" at {data.get('price')} {data.get('quoted_currency')}"
            )
        case "execution.settled" | "execution.rejected" | "execution.skipped":
            said = f"{data.get('status_reason') or 'done'}, participant {data.get('participant_code')}"
        case "agent.snapshot":
            said = (
                f"equity {data.get('equity')}, drawdown {_percent(data.get('drawdown'))}, {data.get('phase')}"
            )
        case "agent.traded":
            said = f"{data.get('side')} {data.get('pair')} for {data.get('size')} at {data.get('price')}"
        case "agent.blocked":
            said = f"by {data.get('by')}, {data.get('rule') or data.get('code')}: {data.get('explanation')}"
        case "agent.status_changed" | "strategy.status_changed":
            said = f"{data.get('from')} → {data.get('to')}"
        case "version.drafted" | "version.executed":
            said = f"{_positions(data)}, cash {data.get('old_cash_weight')} → {data.get('cash_weight')}"
        case "version.status_changed":
            said = f"{data.get('from') or 'draft'} → {data.get('to')}"
        case "version.scheduled":
            said = f"to be executed at {_moment(data.get('scheduled_for'))}"
        case "version.deleted":
            said = "before it was executed"
        case "version.cancelled":
            said = "before an order was sent"
        case "version.completed" | "version.failed":
            counts = (f"{number} {name}" for name, number in data.get("orders", {}).items() if number)
            said = ", ".join(counts) or "no orders"
        case "version.refused":
            said = f"{data.get('code')}: {data.get('detail')}"
        case "order.created":
            said = f"{data.get('side')} {data.get('order_quantity')} {data.get('symbol')} for {data.get('order_value')}"
        case "order.updated":
            said = (
                f"{_status(data)}, {data.get('filled_quantity') or 0} of {data.get('order_quantity')}"
                f" {data.get('symbol')}"
            )
        case "agent.promoted":
            said = f"live, first trade {data.get('tx_hash')}"
        case "agent.demoted":
            until = _moment(data.get("locked_until"))
            said = f"to paper by {data.get('rule')} ({data.get('limit')}), locked until {until}"
        case "agent.drawdown_crossed":
            used = _percent(data.get("daily_drawdown_used"))
            said = f"over {_percent(data.get('threshold'))} of the daily budget for losses: {used} used"
        case "agent.quiet" | "agent.resumed":
            said = f"no snapshot for {_seconds(data.get('silent_ms'))}"
        case "strategy.position_opened":
            said = (
                f"{data.get('side')} {data.get('quantity')} {data.get('symbol')} at {data.get('entry_price')}"
            )
        case "strategy.position_closed":
            said = f"{data.get('symbol')}, {data.get('reason')}, profit {data.get('realized_pnl')}"
        case "strategy.order_filled":
            said = (
                f"{data.get('side')} {data.get('delta_quantity')} {data.get('symbol')} at {data.get('price')},"
                f" {data.get('filled_quantity')} of {data.get('quantity')}"
            )
        case "strategy.order_placed" | "strategy.order_cancelled":
            said = _order(data)
        case "strategy.error" | "strategy.halted":
            said = f"{data.get('code')}: {data.get('message')}"
        case "strategy.gap_opened":
            said = f"missing {data.get('from')} to {data.get('to')}"
        case "strategy.gap_closed":
            said = f"{data.get('from')} to {data.get('to')} by {data.get('by')}"
        case _:
            said = _listed(data)
    return printable(said)


def contradiction(data: Data) -> str:
    """What a fact says that contradicts what stands: of one in an envelope (001) the event and what it told."""
    event, told = data.get("event"), data.get("data")
    return printable(f"{event}: {_listed(told)}" if event and isinstance(told, Mapping) else _listed(data))


def _listed(data: Data) -> str:
    return ", ".join(f"{name} {value}" for name, value in data.items() if isinstance(value, str | int))


def _disputed(data: Data) -> str:
    stands, claimed = data.get("stands"), data.get("claimed")
    about = ""
    if isinstance(claimed, Mapping) and "execution_id" in claimed:
        # what is contradicted is what that execution told before, not the operation's own status
        about = f"execution {str(claimed['execution_id'])[:8]} "
        stands = {"status": data.get("execution_status", "?")}
    said = f"{about}stands: {_status(stands)}; claimed: {_status(claimed)}"
    fields = [str(one).removeprefix("/") for one in data.get("differs", ())]
    if fields:
        more = f" and {len(fields) - _NAMED} more" if len(fields) > _NAMED else ""
        said += f"; they differ in {', '.join(fields[:_NAMED])}{more}"
    return said


def _order(data: Data) -> str:
    """An order of which the source promises the id alone."""
    names = ("side", "quantity", "symbol")
    known = " ".join(str(data[name]) for name in names if data.get(name) is not None)
    at = f" at {data['price']}" if data.get("price") is not None else ""
    return f"{known}{at} (order {data.get('order_id')})" if known else f"order {data.get('order_id')}"


def _percent(fraction: Any) -> str:
    """``0.48 %`` of ``0.0048``; what is no number as it is."""
    if not _NUMBER.fullmatch(str(fraction)):
        return str(fraction)
    hundredths = round(Decimal(str(fraction)) * 100, 2)
    return f"{hundredths.normalize():f} %" if hundredths else "0 %"


def _moment(text: Any) -> str:
    """An RFC 3339 time of UTC, to the second; another as it is."""
    known = _UTC.fullmatch(str(text))
    return f"{known[1]} {known[2]} UTC" if known else str(text)


def _status(data: Any) -> str:
    if not isinstance(data, Mapping):
        return "?"
    reason = data.get("status_reason")
    return f"{data.get('status')} ({reason})" if reason else str(data.get("status"))


def _executions(data: Data) -> str:
    counts = data.get("executions")
    if not isinstance(counts, Mapping) or not counts.get("total"):
        return "no executions known"
    parts = (f"{number} {name}" for name, number in counts.items() if number and name != "total")
    plural = "" if counts["total"] == 1 else "s"
    return f"{counts['total']} execution{plural}: {', '.join(parts) or 'none ended'}"


def _positions(data: Data) -> str:
    actions = [one.get("action") for one in data.get("positions", [])]
    counts = {name: actions.count(name) for name in dict.fromkeys(actions)}
    return ", ".join(f"{number} {str(name).lower()}" for name, number in counts.items()) or "no positions"


def _seconds(ms: Any) -> str:
    return f"{ms / 1000:.1f} s" if isinstance(ms, int | float) else "?"
