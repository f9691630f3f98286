"""What ``executions.in`` carries: source 003. Unknown extra fields are kept."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from libs.contracts.fields import Amount, Text, Time, Uuid, UuidOrEmpty

RANKS: Final = {"awaiting_execution": 0, "settled": 1, "skipped": 1, "rejected": 1}
TERMINAL: Final = 1
STATUS_EVENT: Final = "trade_strategy.execution.status_changed"
EXECUTED: Final = "executed"
FILL_FIELDS: Final = ("price", "quantity", "total_notional", "trade_ids", "executed_at")


class Instruction(BaseModel):
    """One buy or sell order of an execution; the fill fields exist once ``status`` is ``executed`` (003)."""

    model_config = ConfigDict(extra="allow")

    underlying_currency: Text
    quoted_currency: Text
    side: Text = Field(description="buy or sell.")
    amount: Amount = Field(description="In the unit that amount_type names.")
    amount_type: Text = Field(description="notional or quantity.")
    status: Text = Field(description="pending, executed or another terminal state.")
    status_reason: Text | None
    price: Amount | None = Field(default=None, description="Quoted currency per unit of the underlying.")
    quantity: Amount | None = Field(default=None, description="Filled quantity of the underlying.")
    total_notional: Amount | None = Field(default=None, description="Filled notional in quoted currency.")
    trade_ids: list[Text] | None = None
    executed_at: Time | None = None


class ExecutionStatusChanged(BaseModel):
    """The body of the webhook ``trade_strategy.execution.status_changed`` (003)."""

    model_config = ConfigDict(extra="allow")

    id: Uuid
    strategy_id: Uuid
    operation_id: Uuid
    trader_id: UuidOrEmpty = Field(
        description="Empty when the execution is rejected before a trader is known."
    )
    participant_code: Text
    account_label: Text
    status: Text = Field(description="awaiting_execution, settled, skipped or rejected.")
    status_reason: Text | None = Field(description="Empty when not applicable; null counts as empty.")
    instructions: list[Instruction]
    created_at: Time
    updated_at: Time
