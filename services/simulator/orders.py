"""The instructions of an execution: what is ordered, and what it is filled with (003). Pure."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from random import Random
from typing import Any, Final

from services.simulator.identifiers import NAMED, uuid_text
from services.simulator.market import (
    EXACT,
    INSTRUMENTS,
    Instrument,
    Market,
    by_notional,
    by_quantity,
    cents,
    plain,
    portion,
    split,
)
from services.simulator.population import Strategy, Trader

Document = dict[str, Any]

_QUOTED: Final = "USD"
_FUNDING: Final = tuple(Decimal(text) for text in ("10", "25", "50", "100", "250", "1000", "5000", "20000"))
_ODD_FUNDING: Final = 0.3
_TOO_LITTLE: Final = Decimal("0.90")
_SALES_IN_MONEY: Final = 0.25
_TRADES: Final = (1, 1, 1, 1, 2, 3)


def budget(rng: Random, reason: str) -> Decimal:
    """What a participant puts in, in quoted currency; too little for any order where that is the reason."""
    if reason == "below_instrument_minimum":
        return _TOO_LITTLE
    total = rng.choice(_FUNDING)
    return total + Decimal(rng.randrange(10_000)).scaleb(-2) if rng.random() < _ODD_FUNDING else total


def purchases(strategy: Strategy, total: Decimal) -> list[Document]:
    """Buy the strategy's mix for this much; the amounts sum to it exactly."""
    parts = split(total, [weight for _, weight in strategy.mix])
    money = money_of(strategy)
    return [
        _order(symbol, "buy", money(part), "notional")
        for (symbol, _), part in zip(strategy.mix, parts, strict=True)
    ]


def sales(rng: Random, market: Market, strategy: Strategy, trader: Trader, reason: str) -> list[Document]:
    """Sell a part of everything that is held; more than there is, or next to nothing, where that is the reason."""
    percent = rng.randint(110, 300) if reason == "insufficient_funds" else rng.randint(10, 90)
    in_money = rng.random() < _SALES_IN_MONEY
    orders = []
    for symbol, held in trader.holdings.items():
        instrument = INSTRUMENTS[symbol]
        quantity = portion(held, percent, instrument.quantity_digits)
        worth = portion(market.worth(symbol, held), percent, 2)
        if reason == "below_instrument_minimum":
            quantity = min(quantity, _dust(market, instrument))
            worth = Decimal(0)
        if in_money and worth:
            orders.append(_order(symbol, "sell", money_of(strategy)(worth), "notional"))
        elif quantity:
            orders.append(_order(symbol, "sell", plain(quantity), "quantity"))
    return orders


def _dust(market: Market, instrument: Instrument) -> Decimal:
    """A quantity worth half of the least order."""
    quantity = EXACT.divide(instrument.minimum / 2, market.worth(instrument.symbol, Decimal(1)))
    return quantity.quantize(Decimal(1).scaleb(-instrument.quantity_digits), rounding=ROUND_DOWN)


def sellable(trader: Trader) -> bool:
    """Whether a tenth of something can be sold, which takes ten units of it."""
    return any(
        held >= Decimal(10).scaleb(-INSTRUMENTS[symbol].quantity_digits)
        for symbol, held in trader.holdings.items()
    )


def filled(
    rng: Random, market: Market, strategy: Strategy, trader: Trader, order: Document, at: str
) -> Document:
    """The order once it is executed, at the market's price; booked to the trader's holdings."""
    symbol, amount = order["underlying_currency"], Decimal(order["amount"])
    in_money = order["amount_type"] == "notional"
    price = market.quote(symbol)
    fill = by_notional(INSTRUMENTS[symbol], amount, price) if in_money else by_quantity(amount, price)
    trader.book(symbol, fill.quantity if order["side"] == "buy" else -fill.quantity)
    return {
        **order,
        "status": "executed",
        "price": plain(fill.price),
        "quantity": plain(fill.quantity),
        "total_notional": order["amount"] if in_money else money_of(strategy)(fill.total_notional),
        "trade_ids": [uuid_text(rng, NAMED) for _ in range(rng.choice(_TRADES))],
        "executed_at": at,
    }


def money_of(strategy: Strategy) -> Callable[[Decimal], str]:
    """How the strategy's client writes money: ``5.00`` or ``5``."""
    return cents if strategy.writes_cents else plain


def _order(symbol: str, side: str, amount: str, amount_type: str) -> Document:
    return {
        "underlying_currency": symbol,
        "quoted_currency": _QUOTED,
        "side": side,
        "amount": amount,
        "amount_type": amount_type,
        "status": "pending",
        "status_reason": "",
    }
