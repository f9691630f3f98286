"""What ``strategies.in`` carries: the envelopes of source 004, under the account as the record's key.

Two events are not of 004: a connector says what it subscribed to, and brings what Get Strategy answered. Unknown
extra fields are kept.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from libs.contracts.fields import Amount, Text, Time

CHANNEL: Final = "strategy.status"
SCOPE_EVENT: Final = "connector.scope"
SNAPSHOT_EVENT: Final = "strategy.snapshot"
EVERYTHING: Final = "*"
DEFAULT_ACCOUNT: Final = "default"

Seq = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="allow")


class Transition(_Data):
    """Of ``deployed`` and ``paused``: 004 names no fields."""


class PositionOpened(_Data):
    """A new position."""

    position_id: Text
    symbol: Text
    side: Text = Field(description="long or short.")
    entry_price: Amount
    quantity: Amount
    leverage: int = Field(strict=True)
    notional: Amount


class PositionClosed(_Data):
    """A position's end."""

    position_id: Text
    symbol: Text
    side: Text
    entry_price: Amount
    exit_price: Amount
    quantity: Amount
    realized_pnl: Amount
    reason: Text = Field(description="exit_rule, stop_loss, take_profit, manual_pause_close or liquidation.")


class OrderPlaced(_Data):
    """An order went to the exchange; 004 names no fields, so only its id is asked for."""

    order_id: Text


class OrderFilled(_Data):
    """One fill of an order."""

    order_id: Text
    position_id: Text | None = None
    symbol: Text
    side: Text = Field(description="buy or sell.")
    type: Text
    price: Amount
    quantity: Amount = Field(description="Of the order.")
    filled_quantity: Amount = Field(description="Cumulative on the order.")
    fee: Amount = Field(description="Of this fill.")
    fee_currency: Text


class OrderCancelled(_Data):
    """An order was taken back; 004 names no fields, so only its id is asked for."""

    order_id: Text


class EngineError(_Data):
    """The engine failed; a fatal error is the strategy's new status."""

    code: Text
    message: Text
    fatal: bool = Field(strict=True)


class Fault(_Data):
    """Why a strategy has the status error."""

    code: Text
    message: Text


class OpenPosition(_Data):
    """An open position; 004 names the fields of no list, so only its id is asked for."""

    position_id: Text


class OpenOrder(_Data):
    """An open order; 004 names the fields of no list, so only its id is asked for."""

    order_id: Text


class Reconciled(_Data):
    """What Get Strategy answered: the strategy as it is at the envelope's ``seq``."""

    status: Literal["deployed", "paused", "error"] | None
    error: Fault | None
    positions: list[OpenPosition]
    orders: list[OpenOrder]
    realized_pnl: Amount
    fees: dict[str, Amount]


class Scope(_Data):
    """What a connector subscribed to; without ``*`` it can't see the account's gaps."""

    subscriptions: list[Text]


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="allow")

    channel: Literal["strategy.status"]
    event: Text
    ts: Time = Field(description="UTC, with milliseconds.")


class StrategyEvent(_Envelope):
    """The envelope of 004; ``data`` is judged by its event."""

    strategy_id: Text
    seq: Seq = Field(description="Counts up over all strategies of the account.")
    data: dict[str, Any]


class ConnectorScope(_Envelope):
    """A connector begins or changes its subscriptions."""

    event: Literal["connector.scope"]
    data: Scope


DATA: Final[dict[str, type[_Data]]] = {
    "deployed": Transition,
    "paused": Transition,
    "position_opened": PositionOpened,
    "position_closed": PositionClosed,
    "order_placed": OrderPlaced,
    "order_filled": OrderFilled,
    "order_cancelled": OrderCancelled,
    "error": EngineError,
    SNAPSHOT_EVENT: Reconciled,
}
FRAMES: Final = frozenset(DATA) - {SNAPSHOT_EVENT}
