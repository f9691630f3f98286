"""What ``agents.in`` carries: the messages of source 002, under the agent's id as the record's key.

002 describes its fields without naming them; the names are the public contract's. Unknown extra fields are kept.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from libs.contracts.fields import LONG_AMOUNT_PATTERN, Text, Time

CLOCK_EVENT: Final = "agent.clock"
PAPER: Final = "PAPER"
LIVE: Final = "LIVE"


def _digits(value: Any) -> Any:
    """A JSON number as the decimal string that it stands for; what is neither is left for the type to refuse."""
    if type(value) is int:
        return str(value)
    return format(Decimal(repr(value)), "f") if type(value) is float else value


_Text = Annotated[str, StringConstraints(pattern=LONG_AMOUNT_PATTERN)]
# Money and fractions come as decimal strings or as JSON numbers (002).
Number = Annotated[
    str,
    BeforeValidator(_digits, json_schema_input_type=_Text | float),
    StringConstraints(strict=True, pattern=LONG_AMOUNT_PATTERN),
]


class _Message(BaseModel):
    model_config = ConfigDict(extra="allow")

    event: Text
    ts: Time = Field(description="UTC.")


class Snapshot(_Message):
    """A new equity snapshot, every 15 to 30 minutes."""

    event: Literal["snapshot"]
    equity: Number = Field(description="USDT.")
    phase: Text
    drawdown: Number = Field(description="From the all-time peak, as a fraction: 0.012 is 1.2 %.")
    daily_drawdown_used: Number = Field(description="Share of today's drawdown budget, as a fraction.")


class Trade(_Message):
    """A trade was executed, on paper or live."""

    event: Literal["trade"]
    pair: Text = Field(description="BASE/QUOTE.")
    side: Text
    size: Number = Field(description="USDT.")
    price: Number
    realised_pnl: Number | None = Field(description="USDT; null while the position is open.")
    fees: Number = Field(description="USDT, swap fee and gas included.")
    journal_ref: Text | None = Field(description="Id of the journal entry.")


class JournalEntry(_Message):
    """The agent wrote into its journal."""

    event: Literal["journal_entry"]
    id: Text
    type: Text = Field(description="EXECUTED, SKIPPED, RISK_VETO, STATUS_CHANGE and others.")
    tags: list[Text]
    description: Text


class RiskVeto(_Message):
    """The policy layer blocked a trade."""

    event: Literal["risk_veto"]
    rule: Text
    explanation: Text
    order_ref: Text | None


class TwakBlock(_Message):
    """The signing layer refused a transaction that the policy layer had let through."""

    event: Literal["twak_block"]
    rule: Text
    explanation: Text
    order_ref: Text | None


class QuoteRejected(_Message):
    """A price quote was discarded."""

    event: Literal["quote_rejected"]
    pair: Text
    category: Text = Field(description="divergence, stale or insufficient_liquidity.")
    code: Text = Field(description="QUOTE_DIVERGENCE, QUOTE_STALE or INSUFFICIENT_LIQUIDITY.")
    explanation: Text


class StatusChange(_Message):
    """The agent moved from one status to another."""

    event: Literal["status_change"]
    from_: Text = Field(alias="from")
    to: Text


class Promotion(_Message):
    """The agent went live; told again as a status change."""

    event: Literal["promotion"]
    tx_hash: Text = Field(description="Of its first live trade.")


class Demotion(_Message):
    """The agent was put back to paper; told again as a status change."""

    event: Literal["demotion"]
    rule: Text
    limit: Text = Field(description="daily or max.")
    locked_until: Time | None = Field(description="Promotion is locked until then.")


class Clock(_Message):
    """Time as data, sent by the worker that owns the agent's partition; not of 002."""

    event: Literal["agent.clock"]


MESSAGES: Final[dict[str, type[_Message]]] = {
    "snapshot": Snapshot,
    "trade": Trade,
    "journal_entry": JournalEntry,
    "risk_veto": RiskVeto,
    "status_change": StatusChange,
    "twak_block": TwakBlock,
    "quote_rejected": QuoteRejected,
    "promotion": Promotion,
    "demotion": Demotion,
    CLOCK_EVENT: Clock,
}
NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    "snapshot": ("equity", "drawdown", "daily_drawdown_used"),
    "trade": ("size", "price", "realised_pnl", "fees"),
}


class Unknown(_Message):
    """An event type that 002 does not have (yet): kept, and nothing more."""
