"""Agents, strategies and derived events as Grafana shows them, from what Redis and Kafka have of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from libs.contracts.monitoring import AGENT_FIELDS, EQUITY_FIELDS
from libs.ledger.times import milliseconds
from libs.views.summaries import name_of, summary

NULL: Final = "null"  # how a projection says that nothing was told
_NUMBERS: Final = frozenset({"equity", "peak_equity", "drawdown", "daily_drawdown_used"})
_SHOWN: Final = 200  # characters of a text that a stranger chose

AGENT_SOURCE: Final = AGENT_FIELDS
STRATEGY_SOURCE: Final = (
    "account",
    "strategy_id",
    "status",
    "error",
    "completeness",
    "realized_pnl",
    "positions",
    "orders",
    "gaps",
    "upstream_seq",
)
"""The fields of projections that are read."""


def agent(projection: Mapping[str, str]) -> dict[str, str]:
    """An agent's row; a number that was not told is 0, a text empty."""
    return {name: _told(projection.get(name, NULL), "0" if name in _NUMBERS else "") for name in AGENT_FIELDS}


def strategy(projection: Mapping[str, str]) -> dict[str, str]:
    """A strategy's row: how many positions, orders and gaps are open, and the code of what stopped it."""
    error = orjson.loads(projection.get("error", NULL)) or {}
    row = {name: _told(projection.get(name, NULL), "") for name in ("account", "strategy_id", "status")}
    row["error"] = str(error.get("code", ""))[:_SHOWN]
    row["completeness"] = projection.get("completeness", "")
    row["realized_pnl"] = _told(projection.get("realized_pnl", NULL), "0")
    for name, source in (("positions_open", "positions"), ("orders_open", "orders"), ("gaps_open", "gaps")):
        row[name] = str(len(orjson.loads(projection.get(source, "[]"))))
    row["upstream_seq"] = _told(projection.get("upstream_seq", NULL), "0")
    return row


def equity(sequence: int, message: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
    """The id and the fields of a snapshot in ``m:agent:<id>:equity``; None where it is no such message.

    The id is the snapshot's own time, and its number among the agent's facts: of two at one time both have a place.
    """
    try:
        at = milliseconds(message["ts"])
        fields = {name: message[name] for name in EQUITY_FIELDS}
    except (KeyError, ValueError):
        return None
    return f"{max(at, 0)}-{sequence}", fields


def sequence_of(entry_id: str) -> int:
    """The number in the id of such an entry."""
    return int(entry_id.partition("-")[2])


def told(service: str, value: bytes | None) -> dict[str, str] | None:
    """A derived event as an entry of ``m:feed``; None for what is no such event."""
    try:
        envelope: Any = orjson.loads(value or b"")
        name = name_of(envelope["type"])
        subject, said = str(envelope["subject"]), summary(name, envelope["data"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return {"service": service, "type": name, "subject": subject[:_SHOWN], "summary": said[:_SHOWN]}


def _told(text: str, instead: str) -> str:
    return instead if text == NULL else text[:_SHOWN]
