"""What a made-up broker tells of an order until it has ended: sent, filled in parts, now and then failed. Pure.

The same order under the same seed is always told the same. A word is known by what it says, so that a broker who begins
anew, even under another seed, only repeats what was told, or goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any, Final

from services.simulator.market import EXACT, plain

SENT: Final = "SENT"
FILLED: Final = "FILLED"
FAILED: Final = "FAILED"
ENDED: Final = frozenset({FILLED, FAILED, "IGNORED"})

_REJECTED: Final = 0.015  # share of orders that are never sent
_BROKEN_OFF: Final = 0.015  # of those that fail after some fills, or none
_UNANNOUNCED: Final = 0.1  # of those that are filled without having been called sent
_DOUBLED: Final = 0.08  # share of words that come twice
_OVERTAKEN: Final = 0.08  # share of fills after which a smaller one comes
_PARTS: Final = (1, 1, 1, 2, 2, 3, 4)
_REASONS: Final = ("insufficient_liquidity", "trading_halted", "rejected_by_venue")
_OFF: Final = 3_000  # parts of a million that a fill's price may be off
_MILLION: Final = Decimal(1_000_000)
_VALUE_DIGITS: Final = 6
_NONE: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Order:
    """An order that was created, and how it stands."""

    id: str
    strategy_id: str
    quantity: Decimal
    value: Decimal
    status: str
    filled: Decimal = _NONE


@dataclass(frozen=True, slots=True)
class Word:
    """Something told of an order, ``after`` seconds; the fill is cumulative, 0 where nothing is told of it."""

    after: float
    status: str
    quantity: Decimal = _NONE
    value: Decimal = _NONE
    reason: str | None = None

    @property
    def ends(self) -> bool:
        """Whether the order ends with it."""
        return self.status in ENDED


def order_of(data: Mapping[str, Any]) -> Order:
    """The order that the data of an ``order.created`` or ``order.updated`` of ``versions.events`` tells of."""
    return Order(
        id=data["id"],
        strategy_id=data["strategy_id"],
        quantity=Decimal(data["order_quantity"]),
        value=Decimal(data["order_value"]),
        status=data["status"],
        filled=Decimal(data["filled_quantity"] or 0),
    )


def words(order: Order, seed: int) -> list[Word]:
    """All that is told of it, from the beginning, repetitions and what comes too late among it."""
    rng = Random(f"{seed}/{order.id}")  # noqa: S311 - reproducible, not secret
    if rng.random() < _REJECTED:
        return [Word(_soon(rng), FAILED, reason=rng.choice(_REASONS))]
    told = [] if rng.random() < _UNANNOUNCED else [Word(_soon(rng), SENT)]
    fills = _fills(order, rng)
    if rng.random() < _BROKEN_OFF:
        fills = fills[: rng.randrange(len(fills))]
        told += fills
        reached = fills[-1] if fills else Word(0, SENT)
        told.append(replace(reached, after=_soon(rng), status=FAILED, reason=rng.choice(_REASONS)))
    else:
        told += fills
    return _disturbed(told, rng)


def _soon(rng: Random) -> float:
    return rng.uniform(0.8, 3.0)


def _fills(order: Order, rng: Random) -> list[Word]:
    """The whole quantity in some parts, each at a price of its own near the one that the order was planned by."""
    unit = Decimal(1).scaleb(int(order.quantity.as_tuple().exponent), EXACT)
    units = int(EXACT.divide(order.quantity, unit))
    cuts = sorted({rng.randint(1, units) for _ in range(rng.choice(_PARTS) - 1)} - {units})
    planned, value, found = EXACT.divide(order.value, order.quantity), _NONE, []
    for before, reached in pairwise([0, *cuts, units]):
        price = EXACT.divide(EXACT.multiply(planned, _MILLION + rng.randint(-_OFF, _OFF)), _MILLION)
        part = EXACT.multiply(unit, Decimal(reached - before))
        value = _rounded(EXACT.add(value, EXACT.multiply(part, price)))
        quantity = EXACT.multiply(unit, Decimal(reached))
        found.append(Word(_soon(rng), FILLED if reached == units else SENT, quantity, value))
    return found


def _disturbed(told: Iterable[Word], rng: Random) -> list[Word]:
    """With some of the words twice, and after some of the fills one that they overtook."""
    found: list[Word] = []
    for word in told:
        found.append(word)
        if rng.random() < _DOUBLED:
            found.append(replace(word, after=rng.uniform(0.05, 0.5)))
        if word.quantity and rng.random() < _OVERTAKEN:
            half = EXACT.divide(word.quantity, Decimal(2)).quantize(word.quantity, context=EXACT)
            if _NONE < half < word.quantity:
                value = _rounded(EXACT.divide(word.value, Decimal(2)))
                found.append(Word(rng.uniform(0.05, 0.5), SENT, half, value))
    return found


def rest(told: Iterable[Word], order: Order) -> list[Word]:
    """Those of the words that are still to be told, from how the order stands, so that it ends whatever was planned."""
    found = []
    for word in told:
        if word.status == FAILED and word.quantity < order.filled:
            # a smaller fill would be taken for an old word
            found.append(replace(word, quantity=_NONE, value=_NONE))
        elif word.ends or word.quantity > order.filled or order.status == "PENDING":
            found.append(word)
    return found


def body(order: Order, word: Word) -> dict[str, Any]:
    """The data of an ``order.updated``."""
    told = bool(word.quantity)
    average = _rounded(EXACT.divide(word.value, word.quantity)) if told else _NONE
    return {
        "order_id": order.id,
        "status": word.status,
        "status_reason": word.reason,
        "filled_quantity": plain(word.quantity) if told else None,
        "filled_value": plain(word.value) if told else None,
        "filled_average_price": plain(average) if told else None,
    }


def id_of(order: Order, word: Word) -> str:
    """What a word is known by: the same is told under the same."""
    return f"{order.id}:{word.status}:{plain(word.quantity)}"


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-_VALUE_DIGITS), context=EXACT)
