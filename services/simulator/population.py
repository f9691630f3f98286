"""Who takes part: strategies with their mix, participants with their traders and holdings. Bounded; pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Final

from services.simulator.identifiers import NAMED, participant_code, uuid_text
from services.simulator.market import EXACT, INSTRUMENTS

STRATEGIES: Final = 12
TRADERS: Final = 400  # of each strategy; beyond, one of them is forgotten for each that comes
PARTICIPANTS: Final = 2_000
_KNOWN_NEWCOMERS: Final = 0.3
_TRIES: Final = 4

# Each sums to 1, but for thirds and sixths that were rounded, which 000's "sum to 1" has to bear in practice.
MIXES: Final = (
    ("1",),
    ("0.5", "0.5"),
    ("0.6", "0.4"),
    ("0.70", "0.20", "0.10"),
    ("0.25", "0.25", "0.25", "0.25"),
    ("0.3334", "0.3333", "0.3333"),
    ("0.33", "0.33", "0.33"),
    ("0.3333", "0.3333", "0.3333"),
    ("0.1667", "0.1667", "0.1667", "0.1667", "0.1667", "0.1667"),
    ("0.55", "0.45"),
    ("0.125", "0.375", "0.5"),
    ("0.333333", "0.333333", "0.333334"),
)


@dataclass(slots=True, eq=False)
class Trader:
    """A participant enrolled in a strategy; busy with one operation until ``ready_at`` (seconds of virtual time)."""

    trader_id: str
    participant_code: str
    ready_at: float = 0.0
    holdings: dict[str, Decimal] = field(default_factory=dict)

    def book(self, symbol: str, quantity: Decimal) -> None:
        """Add a filled quantity; a sale is a negative one."""
        self.holdings[symbol] = EXACT.add(self.holdings.get(symbol, Decimal(0)), quantity)


@dataclass(slots=True, eq=False)
class Strategy:
    """A strategy's mix (symbol, weight), how its client writes money, and who is enrolled."""

    id: str
    mix: tuple[tuple[str, str], ...]
    writes_cents: bool
    traders: list[Trader] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)


class Population:
    """Everybody, from one generator: first there are strategies alone, participants come as they enroll."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._participants: list[str] = []
        self.strategies = [self._strategy(index) for index in range(STRATEGIES)]

    def _strategy(self, index: int) -> Strategy:
        weights = MIXES[index % len(MIXES)]
        symbols = self._rng.sample(list(INSTRUMENTS), len(weights))
        mix = tuple(zip(symbols, weights, strict=True))
        return Strategy(uuid_text(self._rng), mix, writes_cents=self._rng.random() < 1 / 2)

    def newcomer(self, strategy: Strategy) -> Trader:
        """Somebody who is not in the strategy, perhaps known from another; reserved until ``enrol`` or ``dismiss``."""
        trader = Trader(uuid_text(self._rng, NAMED), self._code_outside(strategy))
        strategy.codes.add(trader.participant_code)
        return trader

    def outsider(self, strategy: Strategy) -> str:
        """The code of a participant who is not in the strategy."""
        return self._code_outside(strategy)

    def nobody(self) -> str:
        """A code that belongs to no participant."""
        while True:
            code = participant_code(self._rng)
            if code not in self._participants:
                return code

    def enrol(self, strategy: Strategy, trader: Trader) -> None:
        """Let a newcomer in for good."""
        if len(strategy.traders) < TRADERS:
            strategy.traders.append(trader)
            return
        place = self._rng.randrange(TRADERS)
        strategy.codes.discard(strategy.traders[place].participant_code)
        strategy.traders[place] = trader

    def dismiss(self, strategy: Strategy, trader: Trader) -> None:
        """Let a newcomer go who was rejected."""
        strategy.codes.discard(trader.participant_code)

    def ready(self, strategy: Strategy, count: int, at: float, fit: Callable[[Trader], bool]) -> list[Trader]:
        """Up to ``count`` different traders who are free now and fit; a few tries only, never a full scan."""
        found: list[Trader] = []
        for _ in range(count * _TRIES if strategy.traders else 0):
            trader = self._rng.choice(strategy.traders)
            if trader.ready_at <= at and trader not in found and fit(trader):
                found.append(trader)
                if len(found) == count:
                    break
        return found

    def _code_outside(self, strategy: Strategy) -> str:
        if self._participants and self._rng.random() < _KNOWN_NEWCOMERS:
            code = self._rng.choice(self._participants)
            if code not in strategy.codes:
                return code
        code = self.nobody()
        if len(self._participants) < PARTICIPANTS:
            self._participants.append(code)
        else:
            self._participants[self._rng.randrange(PARTICIPANTS)] = code
        return code
