"""What made-up portfolios hold, and its records in ``instruments.in`` as prices wander. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any, Final

from services.simulator.market import Instrument, Market, plain

STOCKS: Final[Mapping[str, Instrument]] = {
    stock.symbol: stock
    for stock in (
        Instrument("NVDA", Decimal("150.00"), 2, 2, Decimal(1)),
        Instrument("GOOG", Decimal("170.25"), 2, 2, Decimal(1)),
        Instrument("AAPL", Decimal("212.40"), 2, 2, Decimal(1)),
        Instrument("MSFT", Decimal("448.37"), 2, 3, Decimal(1)),
        Instrument("AMZN", Decimal("186.51"), 2, 2, Decimal(1)),
        Instrument("TSM", Decimal("171.92"), 2, 2, Decimal(1)),
        Instrument("ASML", Decimal("702.60"), 2, 4, Decimal(5)),
        Instrument("NVO", Decimal("92.18"), 2, 1, Decimal(1)),
        Instrument("SAP", Decimal("241.05"), 2, 2, Decimal(1)),
        Instrument("KO", Decimal("69.33"), 2, 0, Decimal(1)),
        Instrument("BRK.A", Decimal("612540.00"), 2, 6, Decimal(50)),
        Instrument("SHEL", Decimal("33.4150"), 4, 0, Decimal(1)),
    )
}


class Ticker:
    """Tells prices, a few symbols at a time; the same seed tells the same, but for the times, which it is told."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(f"{seed}/prices")  # noqa: S311 - reproducible, not secret
        self._market = Market(self._rng, STOCKS)

    def all(self, ts: str) -> list[dict[str, Any]]:
        """A record of each symbol."""
        return [self._record(symbol, ts) for symbol in STOCKS]

    def next(self, ts: str) -> list[dict[str, Any]]:
        """Records of those symbols that were traded since."""
        self._market.advance()
        return [self._record(symbol, ts) for symbol in self._rng.sample(list(STOCKS), 3)]

    def _record(self, symbol: str, ts: str) -> dict[str, Any]:
        stock = STOCKS[symbol]
        return {
            "symbol": symbol,
            "price": format(self._market.quote(symbol), "f"),
            "ts": ts,
            "step": format(Decimal(1).scaleb(-stock.quantity_digits), "f"),
            "minimum": plain(stock.minimum),
        }
