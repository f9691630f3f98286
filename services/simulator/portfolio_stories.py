"""What a made-up portfolio manager does with a strategy, an episode at a time, right and wrong. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from services.simulator.identifiers import uuid_text
from services.simulator.stocks import STOCKS

Weights = Mapping[str, str]

_WHOLE: Final = 1_000  # a portfolio in tenths of a percent
_MOST: Final = 980  # of it that is not cash
_UNLISTED: Final = ("ENRNQ", "LEHMQ", "TWTR", "WCOEQ")


@dataclass(frozen=True, slots=True)
class Execute:
    """Ask for a rebalance; the version that comes of it is the one that the next steps are about."""

    weights: Weights
    key: str


@dataclass(frozen=True, slots=True)
class Draft:
    """Write a version down, to be executed so many seconds from now or not at all; the next steps are about it."""

    id: str
    version_id: str
    weights: Weights
    due: float | None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Call the version off."""

    id: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Ask for the version's deletion."""


@dataclass(frozen=True, slots=True)
class Await:
    """Look at the version until it has ended."""


@dataclass(frozen=True, slots=True)
class Register:
    """Tell the strategy, or what it is worth now."""

    id: str
    value: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Do nothing for some seconds."""

    seconds: float


Step = Execute | Draft | Cancel | Delete | Await | Register | Rest


class Episode(NamedTuple):
    """Some steps that belong together."""

    name: str
    steps: tuple[Step, ...]


class PortfolioStory:
    """One strategy: what it holds at first, and what is done with it. The same seed does the same."""

    def __init__(self, seed: int, number: int) -> None:
        self._rng = Random(f"{seed}/{number}")  # noqa: S311 - reproducible, not secret
        self._cents = self._rng.randint(5_000_000, 50_000_000)
        self._held = self._some()
        self.weights = _texts(self._held)
        self.cash = _percent(_WHOLE - sum(self._held.values()))

    def episodes(self) -> Iterator[Episode]:
        """The registration, then one thing after the other, without end."""
        yield Episode("registered", (self._register(), Rest(self._rng.uniform(2, 6))))
        kinds: dict[Callable[[], tuple[Step, ...]], int] = {
            self._rebalanced: 30,
            self._repeated: 10,
            self._hasty: 10,
            self._unlisted: 6,
            self._reused: 5,
            self._scheduled: 14,
            self._withdrawn: 8,
            self._called_off: 8,
            self._stopped: 8,
            self._too_late: 6,
            self._revalued: 6,
        }
        while True:
            (kind,) = self._rng.choices(list(kinds), list(kinds.values()))
            pause = Rest(self._rng.uniform(0.5, 4))
            yield Episode(kind.__name__.removeprefix("_"), (*kind(), pause))

    def _rebalanced(self) -> tuple[Step, ...]:
        return self._execute(), Await()

    def _repeated(self) -> tuple[Step, ...]:
        """The same request twice, as where an answer was lost."""
        asked = self._execute()
        return asked, asked, Await()

    def _hasty(self) -> tuple[Step, ...]:
        """Another one while the first is on its way."""
        asked = self._execute()
        return asked, Rest(self._rng.uniform(0.2, 1)), self._execute(), Await()

    def _unlisted(self) -> tuple[Step, ...]:
        """With a symbol that there is no price of."""
        asked = self._execute()
        weights = {**asked.weights, self._rng.choice(_UNLISTED): "1.0"}
        return (Execute(weights, asked.key),)

    def _reused(self) -> tuple[Step, ...]:
        """Something else under the same key."""
        asked = self._execute()
        return asked, Execute(self._execute().weights, asked.key), Await()

    def _scheduled(self) -> tuple[Step, ...]:
        return self._draft(self._rng.uniform(2, 15)), Await()

    def _withdrawn(self) -> tuple[Step, ...]:
        """A draft that is deleted again."""
        return self._draft(None), Rest(self._rng.uniform(0.5, 2)), Delete()

    def _called_off(self) -> tuple[Step, ...]:
        """One that is cancelled before its time."""
        return self._draft(3_600.0), Rest(self._rng.uniform(0.5, 3)), Cancel(self._id()), Await()

    def _stopped(self) -> tuple[Step, ...]:
        """A rebalance that is cancelled before a broker has any of it, with some luck."""
        return self._execute(), Cancel(self._id()), Await()

    def _too_late(self) -> tuple[Step, ...]:
        """A deletion of what was executed."""
        return self._execute(), Delete(), Await()

    def _revalued(self) -> tuple[Step, ...]:
        self._cents += self._cents * self._rng.randint(-300, 300) // 10_000
        return (self._register(),)

    def _register(self) -> Register:
        return Register(self._id(), f"{self._cents // 100}.{self._cents % 100:02d}")

    def _execute(self) -> Execute:
        return Execute(self._next(), self._id())

    def _draft(self, due: float | None) -> Draft:
        return Draft(self._id(), self._id(), self._next(), due)

    def _id(self) -> str:
        return uuid_text(self._rng)

    def _some(self) -> dict[str, int]:
        symbols = self._rng.sample(list(STOCKS), self._rng.randint(3, 6))
        return _fitted({symbol: self._rng.randint(50, 250) for symbol in symbols})

    def _next(self) -> Weights:
        """What is wanted now: some is sold off, some changed, some bought anew, the rest stays."""
        wanted = {}
        for symbol, tenths in self._held.items():
            luck = self._rng.random()
            if luck < 0.5:
                wanted[symbol] = max(5, tenths + self._rng.randint(-40, 40))
            elif luck < 0.85:
                wanted[symbol] = tenths
        others = [symbol for symbol in STOCKS if symbol not in self._held]
        for symbol in self._rng.sample(others, min(len(others), self._rng.randint(0, 2))):
            wanted[symbol] = self._rng.randint(20, 150)
        self._held = _fitted(wanted) or self._some()
        return _texts(self._held)


def _fitted(tenths: dict[str, int]) -> dict[str, int]:
    """No more than there is: too much is taken off the largest."""
    while (over := sum(tenths.values()) - _MOST) > 0:
        largest = max(tenths, key=lambda symbol: tenths[symbol])
        tenths[largest] -= min(over, tenths[largest] // 2)
    return tenths


def _texts(tenths: Mapping[str, int]) -> dict[str, str]:
    return {symbol: _percent(weight) for symbol, weight in tenths.items()}


def _percent(tenths: int) -> str:
    return f"{tenths // 10}.{tenths % 10}"
