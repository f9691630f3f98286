"""A plain load for benchmarks: executions in bulk, each with its two webhooks and two instructions. Pure.

Made from templates and whole numbers, some microseconds a body, so that the maker is not what is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

_WINDOW: Final = 500  # executions
_STRATEGIES: Final = 50
_EXECUTIONS_OF_AN_OPERATION: Final = 4
_FILLED_AFTER: Final = 3  # seconds

_BODY: Final = (
    '{{"id":"{id}","strategy_id":"{strategy}","operation_id":"{operation}","trader_id":"{trader}",'
    '"participant_code":"{code}","account_label":"{strategy}","status":"{status}","status_reason":"",'
    '"instructions":[{first},{second}],"created_at":"{created}","updated_at":"{updated}"}}'
)
_ORDER: Final = (
    '{{"underlying_currency":"{symbol}","quoted_currency":"USD","side":"buy","amount":"{amount}",'
    '"amount_type":"notional","status":"{status}","status_reason":""{fill}}}'
)
_FILL: Final = (
    ',"price":"{price}","quantity":"{quantity}","total_notional":"{amount}",'
    '"trade_ids":["{trade}"],"executed_at":"{at}"'
)
_PRICES: Final = {"BTC": 734_716_125, "ETH": 20_180_605}  # in ten-thousandths


def bench_executions(n: int, seed: int) -> Iterator[bytes]:
    """The 2n webhooks of n executions: awaiting_execution, and settled with two fills; about 0.9 KB on average.

    Shuffled within a window; an execution's second webhook comes after the first, at least a window later (with
    few executions, the windows are smaller). Its id is ``body[7:43]``. The same seed gives the same bytes.
    """
    rng = Random(seed)  # noqa: S311 - reproducible, not secret
    window = max(1, min(_WINDOW, n // 8))
    maker = _Maker(rng)
    due: list[list[bytes]] = [[], []]
    for first in range(0, n, window):
        awaiting, settled = maker.bodies(first, min(window, n - first))
        yield from _shuffled(rng, awaiting + due.pop(0))
        due.append(settled)
    for rest in due:
        yield from _shuffled(rng, rest)


def _shuffled(rng: Random, bodies: list[bytes]) -> list[bytes]:
    # Sorting by random keys takes a third of the time of Random.shuffle.
    return [body for _, body in sorted((rng.random(), body) for body in bodies)]


class _Maker:
    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._strategies = [self._uuid() for _ in range(_STRATEGIES)]
        self._operation = self._uuid()

    def bodies(self, first: int, count: int) -> tuple[list[bytes], list[bytes]]:
        """Both webhooks of so many executions, the first of which has the index ``first``."""
        pairs = [self._pair(index) for index in range(first, first + count)]
        return [awaiting for awaiting, _ in pairs], [settled for _, settled in pairs]

    def _pair(self, index: int) -> tuple[bytes, bytes]:
        if index % _EXECUTIONS_OF_AN_OPERATION == 0:
            self._operation = self._uuid()
        operation = index // _EXECUTIONS_OF_AN_OPERATION
        created, updated = _time(operation), _time(operation + _FILLED_AFTER)
        body = {
            "id": self._uuid(),
            "strategy": self._strategies[operation % _STRATEGIES],
            "operation": self._operation,
            "trader": self._uuid(),
            "code": f"P{index % 100_000:05d}",
            "created": created,
        }
        pending, executed = [], []
        for symbol, price in _PRICES.items():
            order, fill = self._order(symbol, price, updated)
            pending.append(order)
            executed.append(fill)
        awaiting = _BODY.format(
            **body, status="awaiting_execution", updated=created, first=pending[0], second=pending[1]
        )
        settled = _BODY.format(
            **body, status="settled", updated=updated, first=executed[0], second=executed[1]
        )
        return awaiting.encode(), settled.encode()

    def _order(self, symbol: str, anchor: int, at: str) -> tuple[str, str]:
        """An order for some money, pending and executed: quantity = notional / price, to 8 digits, halves up."""
        bits = self._rng.getrandbits(64)
        cents = 500 + bits % 1_000_000
        price = anchor + (bits >> 32) % (anchor // 50)
        quantity = (cents * 10**10 + price // 2) // price
        amount = _decimal(cents, 2)
        fill = _FILL.format(
            price=_decimal(price, 4), quantity=_decimal(quantity, 8), amount=amount, trade=self._uuid(), at=at
        )
        return (
            _ORDER.format(symbol=symbol, amount=amount, status="pending", fill=""),
            _ORDER.format(symbol=symbol, amount=amount, status="executed", fill=fill),
        )

    def _uuid(self) -> str:
        digits = f"{self._rng.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def _decimal(units: int, digits: int) -> str:
    whole, rest = divmod(units, 10**digits)
    return f"{whole}.{rest:0{digits}d}"


def _time(second: int) -> str:
    minutes, seconds = divmod(second % 86_400, 60)
    hours, minutes = divmod(minutes, 60)
    return f"2026-05-29T{hours:02d}:{minutes:02d}:{seconds:02d}Z"
