"""What ``versions.in`` and ``instruments.in`` carry: commands on a strategy's versions (001), and what can be traded.

Prices and the portfolio's value travel inside the commands, as whoever sent them saw them, so that a replay creates the
same orders. Unknown extra fields are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from libs.contracts.fields import Amount, Text, Time, Uuid

REGISTERED: Final = "strategy.registered"
DRAFTED: Final = "version.drafted"
EXECUTE: Final = "version.execute_requested"
DUE: Final = "version.due"
DELETE: Final = "version.delete_requested"
CANCEL: Final = "version.cancel_requested"
ORDER_UPDATED: Final = "order.updated"

# Why a command is refused: the ``code`` of ``version.refused``, of a version's ``refused``, and of 001's problems.
NOT_FOUND: Final = "not-found"
ALREADY_EXECUTED: Final = "already-executed"
UNKNOWN_SYMBOLS: Final = "unknown-symbols"
MISSING_PRICES: Final = "missing-prices"
TOO_LARGE: Final = "too-large"
TOO_MANY_KEYS: Final = "too-many-keys"
KEY_REPEATED: Final = "idempotency-key-repeated"
KEY_REUSED: Final = "idempotency-key-reused"

INSTRUMENTS: Final = "instruments.in"

STEP: Final = "1"
MINIMUM: Final = "0"

Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=255)]
Symbol = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Target(_Open):
    """How much of the portfolio a symbol is to be."""

    symbol: Symbol
    weight: Amount = Field(description="In percent.")


class Terms(_Open):
    """How an instrument is traded."""

    step: Amount = Field(default=STEP, description="Quantities are multiples of it.")
    minimum: Amount = Field(default=MINIMUM, description="The least value of an order.")


class Instrument(Terms):
    """A record of ``instruments.in``, whose key is the symbol."""

    symbol: Symbol
    price: Amount
    ts: Time


class Registered(_Open):
    """A strategy is there. What it holds is the baseline until a version is executed; later only its value counts."""

    organization_id: Name
    portfolio_value: Amount
    cash_weight: Amount
    positions: list[Target]


class Drafted(_Open):
    """A version to be executed later; drafted again as long as it isn't, it is another."""

    version_id: Uuid
    positions: list[Target]
    scheduled_for: Time | None
    organization_id: Name | None = None


class ExecuteRequested(_Open):
    """A version is to be executed now, be it drafted or not; of ``version.due`` the same."""

    version_id: Uuid
    positions: list[Target]
    prices: dict[str, Amount] = Field(description="By symbol; also of what is held and no longer wanted.")
    portfolio_value: Amount
    idempotency_key: Name | None
    organization_id: Name | None
    instruments: dict[str, Terms] = Field(default={}, description="By symbol; left out: step 1, minimum 0.")
    request: Name | None = Field(
        default=None,
        description="Digest of the request, by which one with the same key is told from another.",
    )
    too_large: StrictBool = Field(
        default=False, description="Of a tick: there are more prices than one command can carry."
    )


class OnVersion(_Open):
    """A version is to be deleted or cancelled."""

    version_id: Uuid
    organization_id: Name | None = None


class OrderUpdated(_Open):
    """What a broker tells of an order; amounts are cumulative, null tells nothing. SENT may be skipped."""

    order_id: Uuid
    status: Text
    status_reason: Text | None
    filled_quantity: Amount | None
    filled_value: Amount | None
    filled_average_price: Amount | None


class Command(_Open):
    """The envelope of a command; ``data`` is judged by its event."""

    event: Text
    id: Name = Field(description="A command with an id that its entity had before is a duplicate.")
    ts: Time
    strategy_id: Uuid


DATA: Final[dict[str, type[_Open]]] = {
    REGISTERED: Registered,
    DRAFTED: Drafted,
    EXECUTE: ExecuteRequested,
    DUE: ExecuteRequested,
    DELETE: OnVersion,
    CANCEL: OnVersion,
    ORDER_UPDATED: OrderUpdated,
}


def unusual_terms(quotes: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Step and minimum by symbol, where they are not what they are taken for when a command leaves them out."""
    usual = {"step": STEP, "minimum": MINIMUM}
    found = {
        symbol: {name: quote[name] for name, value in usual.items() if quote[name] != value}
        for symbol, quote in quotes.items()
    }
    return {symbol: terms for symbol, terms in found.items() if terms}
