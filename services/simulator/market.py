"""Instruments, prices that wander, and what an order comes to at a price. Exact decimals; pure.

Only whole numbers are drawn, so that a seed gives the same prices on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal
from random import Random
from typing import Final, NamedTuple

EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
CENT: Final = Decimal("0.01")
_MILLION: Final = Decimal(1_000_000)


class Instrument(NamedTuple):
    """An asset: the price it wanders around, the digits of price and quantity, the least notional of an order."""

    symbol: str
    anchor: Decimal
    price_digits: int
    quantity_digits: int
    minimum: Decimal


class Fill(NamedTuple):
    """What an instruction was filled with, in the quoted currency and the underlying (003)."""

    price: Decimal
    quantity: Decimal
    total_notional: Decimal


INSTRUMENTS: Final = {
    instrument.symbol: instrument
    for instrument in (
        Instrument("BTC", Decimal("73471.612589025"), 9, 8, Decimal(1)),
        Instrument("ETH", Decimal("2018.06059005"), 8, 16, Decimal(1)),
        Instrument("SOL", Decimal("146.2071835"), 7, 9, Decimal(1)),
        Instrument("LTC", Decimal("84.51"), 4, 8, Decimal(1)),
        Instrument("LINK", Decimal("13.9074"), 6, 18, Decimal(1)),
        Instrument("XRP", Decimal("2.31905"), 6, 6, Decimal(1)),
        Instrument("ADA", Decimal("0.712843"), 7, 6, Decimal(1)),
        Instrument("DOGE", Decimal("0.18443061"), 9, 8, Decimal(1)),
    )
}


class Market:
    """The prices of all instruments at one moment."""

    def __init__(self, rng: Random, instruments: Mapping[str, Instrument] = INSTRUMENTS) -> None:
        self._rng = rng
        self._instruments = instruments
        self._prices = {symbol: instrument.anchor for symbol, instrument in instruments.items()}

    def advance(self) -> None:
        """Let every price take one step: at most 0.4 %, and a thousandth of the way back to its anchor."""
        for symbol, price in self._prices.items():
            anchor = self._instruments[symbol].anchor
            parts = self._rng.randint(-2_000, 2_000) + self._rng.randint(-2_000, 2_000)
            moved = _scaled(price, parts) + EXACT.divide(anchor - price, Decimal(1000))
            self._prices[symbol] = rounded(moved, self._instruments[symbol].price_digits)

    def quote(self, symbol: str) -> Decimal:
        """The price that an order gets now, up to 0.08 % off."""
        price = _scaled(self._prices[symbol], self._rng.randint(-800, 800))
        return rounded(price, self._instruments[symbol].price_digits)

    def worth(self, symbol: str, quantity: Decimal) -> Decimal:
        """What a quantity is worth now, in the quoted currency."""
        return EXACT.multiply(self._prices[symbol], quantity)


def _scaled(price: Decimal, parts_per_million: int) -> Decimal:
    return EXACT.divide(EXACT.multiply(price, _MILLION + parts_per_million), _MILLION)


def rounded(amount: Decimal, digits: int) -> Decimal:
    """An amount with so many digits after the point, halves to the even one."""
    return EXACT.quantize(amount, Decimal(1).scaleb(-digits))


def by_notional(instrument: Instrument, notional: Decimal, price: Decimal) -> Fill:
    """Fill an order for so much money: the quantity is rounded, the notional stands as ordered (as 003's examples)."""
    quantity = rounded(EXACT.divide(notional, price), instrument.quantity_digits)
    return Fill(price, quantity, notional)


def by_quantity(quantity: Decimal, price: Decimal) -> Fill:
    """Fill an order for so much of the underlying: the notional is rounded to cents."""
    return Fill(price, quantity, EXACT.quantize(EXACT.multiply(quantity, price), CENT))


def split(total: Decimal, weights: Sequence[str]) -> list[Decimal]:
    """Divide an amount of whole cents by weights; the parts sum to it exactly, the last bears the rounding."""
    parts = [Decimal(weight) for weight in weights]
    whole = sum(parts, Decimal(0))
    shares = [
        EXACT.divide(EXACT.multiply(total, part), whole).quantize(CENT, rounding=ROUND_DOWN, context=EXACT)
        for part in parts[:-1]
    ]
    return [*shares, total - sum(shares)]


def portion(amount: Decimal, percent: int, digits: int) -> Decimal:
    """So many per cent of an amount, rounded down to so many digits after the point."""
    part = EXACT.divide(EXACT.multiply(amount, Decimal(percent)), Decimal(100))
    return part.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_DOWN, context=EXACT)


def plain(amount: Decimal) -> str:
    """An amount without exponent and without needless zeros, such as ``5``."""
    return format(amount.normalize(EXACT), "f")


def cents(amount: Decimal) -> str:
    """An amount with two digits after the point, such as ``5.00``."""
    return format(amount.quantize(CENT, context=EXACT), "f")
