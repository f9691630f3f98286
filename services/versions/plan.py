"""From what a portfolio is to what it is to be: positions, and the orders that bring it there (001). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from libs.contracts.versions import MINIMUM, STEP
from libs.ledger.fact import Fact
from libs.ledger.ids import RecordIds
from libs.ledger.times import rfc3339
from services.versions.money import affordable, cash_left, minus, share, written

ADD: Final = "ADD"
CHANGE: Final = "CHANGE"
REMOVE: Final = "REMOVE"
IGNORE: Final = "IGNORE"

PENDING: Final = "PENDING"
SENT: Final = "SENT"
FILLED: Final = "FILLED"
FAILED: Final = "FAILED"
IGNORED: Final = "IGNORED"
ENDED: Final = frozenset({FILLED, FAILED, IGNORED})

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_NO_TERMS: Final[Mapping[str, str]] = MappingProxyType({})
_DAY: Final = len("2025-03-10")

Targets = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Weights in percent by symbol, none of them 0, and that of cash."""

    cash: str = "100.0"
    weights: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class Position:
    """A symbol's share in a version, beside what it was before."""

    id: str
    symbol: str
    old_weight: str
    weight: str
    action: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a rebalance; what was filled is cumulative, None as long as nothing is known of it."""

    id: str
    date: str
    side: str
    symbol: str
    status: str
    status_reason: str | None
    order_quantity: str
    order_value: str
    filled_quantity: str | None
    filled_value: str | None
    filled_average_price: str | None
    inserted_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Plan:
    """An execution: what it makes of the portfolio, and how."""

    positions: tuple[Position, ...]
    orders: tuple[Order, ...]
    portfolio: Portfolio


def stamp(instant: int) -> str:
    """A time in ms as 001 writes it, with six digits of the second."""
    return f"{rfc3339(instant)[:-1]}000Z"


def targets_of(data: Mapping[str, Any]) -> Targets:
    """Symbols and weights as a command has them."""
    return tuple((target["symbol"], target["weight"]) for target in data["positions"])


def portfolio_of(targets: Targets) -> Portfolio:
    """What a portfolio of these weights is; cash is what they leave, also where they were rounded: it sums to 100."""
    weights = {symbol: weight for symbol, weight in targets if Decimal(weight)}
    return Portfolio(cash_left(weights.values()), MappingProxyType(weights))


def positions_of(
    targets: Targets, held: Portfolio, place: str, known: Sequence[Position] = ()
) -> tuple[Position, ...]:
    """Every symbol that is wanted, then those that are held and no longer wanted.

    Ids come from the place of the command in its topic, but a symbol that the version had before keeps its own.
    """
    wanted = dict(targets)
    ids, kept = RecordIds(f"{place}/positions"), {one.symbol: one.id for one in known}
    symbols = [*wanted, *(symbol for symbol in held.weights if symbol not in wanted)]
    found = []
    for at, symbol in enumerate(symbols):
        old, new = held.weights.get(symbol, "0"), wanted.get(symbol, "0")
        found.append(Position(kept.get(symbol) or ids.at(str(at)), symbol, old, new, _action(old, new)))
    return tuple(found)


def _action(old: str, new: str) -> str:
    was, now = Decimal(old), Decimal(new)
    if was == now:
        return IGNORE
    if not was:
        return ADD
    return CHANGE if now else REMOVE


def order_ids(place: str, count: int) -> tuple[str, ...]:
    """The ids of the orders that the command at a place in its topic led to."""
    ids = RecordIds(f"{place}/orders")
    return tuple(ids.at(str(at)) for at in range(count))


def plan(fact: Fact, held: Portfolio) -> Plan:
    """What an execution amounts to, from its command and what is held; every price that is needed is in the command."""
    data = fact.body["data"]
    targets = targets_of(data)
    positions = positions_of(targets, held, fact.place)
    changing = [one for one in positions if one.action != IGNORE and one.symbol in data["prices"]]
    ids = order_ids(fact.place, len(changing))
    orders = tuple(_order(order_id, one, data, fact.at) for order_id, one in zip(ids, changing, strict=True))
    return Plan(positions, orders, portfolio_of(targets))


def _order(order_id: str, position: Position, data: Mapping[str, Any], at: int) -> Order:
    change = minus(position.weight, position.old_weight)
    terms = data.get("instruments", {}).get(position.symbol, _NO_TERMS)
    step, minimum = terms.get("step", STEP), terms.get("minimum", MINIMUM)
    value = share(abs(change), data["portfolio_value"])
    quantity = affordable(value, data["prices"][position.symbol], step)
    reason = None
    if value < Decimal(minimum):
        reason = "below_minimum"
    elif not quantity:
        reason = "below_step"
    now = stamp(at)
    return Order(
        id=order_id,
        date=now[:_DAY],
        side="BUY" if change > 0 else "SELL",
        symbol=position.symbol,
        status=PENDING if reason is None else IGNORED,
        status_reason=reason,
        order_quantity=format(quantity, "f"),
        order_value=written(value, 2),
        filled_quantity=None,
        filled_value=None,
        filled_average_price=None,
        inserted_at=now,
        updated_at=now,
    )
