"""A derived event in a few words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.cli.text import printable

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


def _seconds(ms: Any) -> str:
    return f"{ms / 1000:.1f} s" if isinstance(ms, int | float) else "?"
