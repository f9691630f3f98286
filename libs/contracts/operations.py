"""What ``operations.in`` carries: source 000, and the outcomes that the executions service reports.

Unknown extra fields are kept; unknown statuses, reasons and types are text like any other.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from libs.contracts.fields import Amount, Text, Time, Uuid

RANKS: Final = {"validating": 0, "pricing": 1, "settling": 2, "settled": 3, "skipped": 3, "failed": 3}
TERMINAL: Final = 3
STATUS_EVENT: Final = "trade_strategy.operation.status_changed"
OUTCOME_EVENT: Final = "execution.outcome"


class Allocation(BaseModel):
    """One asset of an operation's target mix; ``weight`` is a decimal string, and all weights sum to 1 (000)."""

    model_config = ConfigDict(extra="allow")

    underlying_currency: Text
    weight: Amount


class OperationStatusChanged(BaseModel):
    """The body of the webhook ``trade_strategy.operation.status_changed`` (000)."""

    model_config = ConfigDict(extra="allow")

    id: Uuid
    strategy_id: Uuid
    request_id: Uuid = Field(description="Idempotency key of the request that created the operation.")
    type: Text = Field(description="enrollment, top_up or partial_sell; anything else is kept as it is.")
    status: Text = Field(description="validating, pricing, settling, settled, skipped or failed.")
    status_reason: Text | None = Field(description="Empty when not applicable; null counts as empty.")
    allocations: list[Allocation]
    created_at: Time
    updated_at: Time


class ExecutionOutcome(BaseModel):
    """An execution's applied status, told to its operation by the executions service."""

    model_config = ConfigDict(extra="allow")

    event: Literal["execution.outcome"]
    id: Uuid = Field(description="The operation's id.")
    execution_id: Uuid
    status: Text = Field(description="awaiting_execution, settled, rejected or skipped.")
    status_reason: Text | None
    strategy_id: Uuid
    updated_at: Time
