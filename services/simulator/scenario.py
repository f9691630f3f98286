"""One operation's whole story with its executions, as the sources would tell it. Pure: all chance is one generator.

What an operation ends with agrees with its executions by the rules of 000; what an execution shows agrees with
its status by those of 003.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final, Literal, NamedTuple

from services.simulator.endings import ending, refusal
from services.simulator.identifiers import NAMED, uuid_text
from services.simulator.market import Market
from services.simulator.orders import budget, filled, purchases, sales, sellable
from services.simulator.population import Population, Strategy, Trader

Document = dict[str, Any]
Webhook = Literal["operations", "executions"]

TYPES: Final = ("enrollment", "top_up", "partial_sell")
_TYPE_WEIGHTS: Final = (40, 36, 24)
_PARTICIPANTS: Final = (1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 9)
_ENDS: Final = frozenset({"settled", "skipped", "failed", "rejected"})


class Step(NamedTuple):
    """One webhook: when it is due (seconds of virtual time), what it says, whether it ends its entity's story."""

    at: float
    webhook: Webhook
    document: Document

    @property
    def entity(self) -> str:
        """The id of the operation or execution that it speaks of."""
        entity: str = self.document["id"]
        return entity

    @property
    def terminal(self) -> bool:
        """Whether nothing can follow for its entity."""
        return self.document["status"] in _ENDS


@dataclass(frozen=True, slots=True)
class Story:
    """An operation's webhooks in order; ``funding`` holds what each buying execution was given, in quoted currency."""

    type: str
    steps: tuple[Step, ...]
    funding: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Clock:
    """The virtual clock: seconds since ``start`` as the sources write times, whole seconds of UTC."""

    start: datetime

    def text(self, at: float) -> str:
        """Such as ``2026-05-29T18:56:43Z``."""
        return (self.start + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")


class World(NamedTuple):
    """Everything that stories share and change."""

    rng: Random
    clock: Clock
    market: Market
    population: Population


def new_world(rng: Random, start: datetime) -> World:
    """A world in which nobody is enrolled yet; ``start`` in UTC."""
    return World(rng, Clock(start), Market(rng), Population(rng))


def tell(world: World, at: float) -> Story:
    """The story of the next operation, which begins at ``at`` seconds of virtual time."""
    world.market.advance()
    return _Telling(world, at).story()


@dataclass(slots=True)
class _Party:
    """A participant's share: who, how it will end, and whether it is refused before it is awaited (``soft``)."""

    execution_id: str
    code: str
    trader: Trader | None
    fate: str
    reason: str = ""
    soft: bool = False


class _Telling:
    """The making of one story; lives as long as it takes."""

    def __init__(self, world: World, at: float) -> None:
        self.world = world
        self.rng = world.rng
        self.at = at
        self.strategy: Strategy = world.rng.choice(world.population.strategies)
        self.operation_id = uuid_text(world.rng)
        self.request_id = uuid_text(world.rng)
        self.steps: list[Step] = []
        self.funding: dict[str, Decimal] = {}
        self.type, self.traders = self._cast()

    def story(self) -> Story:
        """Tell it from the request to the last webhook."""
        end = ending(self.rng, len(self.traders))
        # With no executions at all, there are traders but no fates.
        parties = [self._party(fate, trader) for fate, trader in zip(end.fates, self.traders, strict=False)]
        self._operation(self.at, "validating")
        if not parties:
            over = self._nothing_to_do()
        elif all(party.soft for party in parties):
            over = self._refuse(parties)
        else:
            over = self._work(parties)
        self._operation(over, end.status, end.status_reason)
        self._part(parties, over)
        self.steps.sort(key=_due)
        return Story(self.type, tuple(self.steps), self.funding)

    def _cast(self) -> tuple[str, list[Trader]]:
        """Choose the type and who takes part; an enrollment where nobody is there for anything else."""
        population = self.world.population
        kind = self.rng.choices(TYPES, _TYPE_WEIGHTS)[0]
        count = self.rng.choice(_PARTICIPANTS)
        if kind != "enrollment":
            fit = sellable if kind == "partial_sell" else _anybody
            ready = population.ready(self.strategy, count, self.at, fit)
            if ready:
                return kind, ready
        return "enrollment", [population.newcomer(self.strategy) for _ in range(count)]

    def _party(self, fate: str, trader: Trader) -> _Party:
        party = _Party(uuid_text(self.rng, NAMED), trader.participant_code, trader, fate)
        if fate == "rejected":
            party.reason, party.soft = refusal(self.rng, self.type)
            self._recast(party)
        return party

    def _recast(self, party: _Party) -> None:
        """Let somebody stand there for whom the refusal is true; before a trader is known there is none (003)."""
        population, enrolled = self.world.population, self.strategy.traders
        match party.reason:
            case "participant_not_found":
                party.code, party.trader = population.nobody(), None
            case "trader_not_enrolled":
                party.code, party.trader = population.outsider(self.strategy), None
            case "trader_already_enrolled" if enrolled:
                party.trader = self.rng.choice(enrolled)
                party.code = party.trader.participant_code
            case "trader_already_enrolled":  # of which there is nobody yet
                party.reason, party.trader = "participant_not_approved", None
            case "participant_not_approved" | "trader_not_found":
                party.trader = None

    def _nothing_to_do(self) -> float:
        over = self._after(self.at, 0.2, 1.0)
        if self.rng.random() < 1 / 2:
            self._operation(over, "pricing")
            over = self._after(over, 0.2, 1.5)
        return over

    def _refuse(self, parties: Sequence[_Party]) -> float:
        """Every execution is refused while the request is validated: no prices are asked for (000's third example)."""
        over = self.at
        for party in parties:
            over = self._after(over, 0.05, 0.3)
            self._execution(party, over, over, party.fate, [])
        return self._after(over, 0.05, 0.3)

    def _work(self, parties: Sequence[_Party]) -> float:
        pricing = self._after(self.at, 0.2, 1.5)
        settling = self._after(pricing, 0.8, 3.0)
        self._operation(pricing, "pricing")
        self._operation(settling, "settling")
        over = max([self._share(party, self._after(pricing, 0.1, 0.7), settling) for party in parties])
        return self._after(max(over, settling), 0.05, 0.8)

    def _share(self, party: _Party, created: float, settling: float) -> float:
        """One participant's share; returns when it is over."""
        if party.soft or party.trader is None:
            self._execution(party, created, created, party.fate, [])
            return created
        orders = self._orders(party, party.trader)
        self._execution(party, created, created, "awaiting_execution", orders)
        over = self._after(settling, 0.3, 8.0)
        outcome: list[Document] = []
        if party.fate == "settled":
            world, at = self.world, self.world.clock.text(over)
            outcome = [
                filled(self.rng, world.market, self.strategy, party.trader, order, at) for order in orders
            ]
        elif party.fate == "skipped":
            outcome = [{**order, "status": "skipped"} for order in orders]
        self._execution(party, created, over, party.fate, outcome)
        return over

    def _orders(self, party: _Party, trader: Trader) -> list[Document]:
        if self.type == "partial_sell":
            return sales(self.rng, self.world.market, self.strategy, trader, party.reason)
        total = self.funding[party.execution_id] = budget(self.rng, party.reason)
        return purchases(self.strategy, total)

    def _part(self, parties: Sequence[_Party], over: float) -> None:
        """Newcomers stay if their execution settled; whoever took part is free again once it is over."""
        settled = {party.code for party in parties if party.fate == "settled"}
        for trader in self.traders:
            trader.ready_at = over
            if self.type == "enrollment":
                stays = trader.participant_code in settled
                leave = self.world.population.enrol if stays else self.world.population.dismiss
                leave(self.strategy, trader)

    def _operation(self, at: float, status: str, status_reason: str = "") -> None:
        clock = self.world.clock
        document = {
            "id": self.operation_id,
            "strategy_id": self.strategy.id,
            "request_id": self.request_id,
            "type": self.type,
            "status": status,
            "status_reason": status_reason,
            "allocations": [
                {"underlying_currency": symbol, "weight": weight} for symbol, weight in self.strategy.mix
            ],
            "created_at": clock.text(self.at),
            "updated_at": clock.text(at),
        }
        self.steps.append(Step(at, "operations", document))

    def _execution(
        self, party: _Party, created: float, at: float, status: str, instructions: list[Document]
    ) -> None:
        clock = self.world.clock
        document = {
            "id": party.execution_id,
            "strategy_id": self.strategy.id,
            "operation_id": self.operation_id,
            "trader_id": party.trader.trader_id if party.trader else "",
            "participant_code": party.code,
            "account_label": self.strategy.id if party.trader else "",
            "status": status,
            "status_reason": party.reason if status == "rejected" else "",
            "instructions": instructions,
            "created_at": clock.text(created),
            "updated_at": clock.text(at),
        }
        self.steps.append(Step(at, "executions", document))

    def _after(self, at: float, least: float, most: float) -> float:
        return at + self.rng.uniform(least, most)


def _anybody(trader: Trader) -> bool:
    return True


def _due(step: Step) -> float:
    return step.at
