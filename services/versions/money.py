"""Exact amounts: sums, shares and quantities, and how they are written (001). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact
from typing import Final

# Weights and values have up to 36 digits, their product 72: whatever would have to be rounded is a mistake.
EXACT: Final = Context(prec=160, traps=[Inexact])
HUNDRED: Final = Decimal(100)


def total(amounts: Iterable[str]) -> Decimal:
    """The sum."""
    found = Decimal(0)
    for amount in amounts:
        found = EXACT.add(found, Decimal(amount))
    return found


def minus(one: Decimal | str, other: Decimal | str) -> Decimal:
    """The difference."""
    return EXACT.subtract(Decimal(one), Decimal(other))


def share(percent: Decimal, whole: str) -> Decimal:
    """So many percent of an amount."""
    return EXACT.scaleb(EXACT.multiply(percent, Decimal(whole)), -2)


def affordable(value: Decimal, price: str, step: str) -> Decimal:
    """The quantity that a value pays for, rounded down to a multiple of the step and with as many decimals."""
    one = EXACT.multiply(Decimal(price), Decimal(step))
    return EXACT.multiply(EXACT.divide_int(value, one), Decimal(step))


def written(amount: Decimal, least: int) -> str:
    """All digits that count, and at least so many decimals."""
    whole, _, rest = format(amount, "f").partition(".")
    rest = rest.rstrip("0").ljust(least, "0")
    return f"{whole}.{rest}" if rest else whole


def cash_left(weights: Iterable[str]) -> str:
    """What the weights leave of 100, with at least one decimal."""
    return written(minus(HUNDRED, total(weights)), 1)
