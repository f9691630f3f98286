"""A derived event in a few words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libs.views.printable import printable

Data = Mapping[str, Any]


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
            said = f"stands: {_status(data.get('stands'))}; claimed: {_status(data.get('claimed'))}"
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
            said = f"equity {data.get('equity')}, drawdown {data.get('drawdown')}, {data.get('phase')}"
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
            said = f"to paper by {data.get('rule')} ({data.get('limit')}), locked until {data.get('locked_until')}"
        case "agent.drawdown_crossed":
            said = f"{data.get('threshold')} of the daily budget: {data.get('daily_drawdown_used')} used"
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
        case "strategy.error" | "strategy.halted":
            said = f"{data.get('code')}: {data.get('message')}"
        case "strategy.gap_opened":
            said = f"missing {data.get('from')} to {data.get('to')}"
        case "strategy.gap_closed":
            said = f"{data.get('from')} to {data.get('to')} by {data.get('by')}"
        case _:
            said = ", ".join(
                f"{name} {value}" for name, value in data.items() if isinstance(value, str | int)
            )
    return printable(said)


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
