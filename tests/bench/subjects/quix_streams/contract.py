"""What ``executions.in`` carries, as somebody writes it down who knows the contract alone: patterns, not just types.

A TypedDict, for pydantic reads JSON into one twice as fast as it does into a model.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, NotRequired

from pydantic import ConfigDict, StringConstraints
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

_UUID: Final = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_DAY: Final = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_HOUR: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]"

UUID: Final = f"^{_UUID}$"
UUID_OR_EMPTY: Final = f"^({_UUID})?$"
AMOUNT: Final = r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$"
TIME: Final = rf"^{_DAY}[Tt]{_HOUR}:[0-5][0-9](\.[0-9]{{1,9}})?([Zz]|[+-]{_HOUR})$"

_Text = Annotated[str, StringConstraints(strict=True)]
_Uuid = Annotated[str, StringConstraints(strict=True, pattern=UUID)]
_UuidOrEmpty = Annotated[str, StringConstraints(strict=True, pattern=UUID_OR_EMPTY)]
_Amount = Annotated[str, StringConstraints(strict=True, pattern=AMOUNT)]
_Time = Annotated[str, StringConstraints(strict=True, pattern=TIME)]

Document = dict[str, Any]


class _Instruction(TypedDict):
    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    underlying_currency: _Text
    quoted_currency: _Text
    side: _Text
    amount: _Amount
    amount_type: _Text
    status: _Text
    status_reason: _Text | None
    price: NotRequired[_Amount | None]
    quantity: NotRequired[_Amount | None]
    total_notional: NotRequired[_Amount | None]
    trade_ids: NotRequired[list[_Text] | None]
    executed_at: NotRequired[_Time | None]


class StatusChanged(TypedDict):
    """The body of a webhook; unknown fields are kept."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    id: _Uuid
    strategy_id: _Uuid
    operation_id: _Uuid
    trader_id: _UuidOrEmpty
    participant_code: _Text
    account_label: _Text
    status: _Text
    status_reason: _Text | None
    instructions: list[_Instruction]
    created_at: _Time
    updated_at: _Time


FIELDS: Final = tuple(StatusChanged.__annotations__)
INSTRUCTION_FIELDS: Final = frozenset(_Instruction.__annotations__)
FILL: Final = ("price", "quantity", "total_notional", "trade_ids", "executed_at")
EXECUTED: Final = "executed"
RANKS: Final = {"awaiting_execution": 0, "settled": 1, "skipped": 1, "rejected": 1}
TERMINAL: Final = 1
