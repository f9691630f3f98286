"""Carrying out what changes versions: a command is appended, and answered with what the fold made of it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from libs.contracts.versions import KEY_REPEATED, MISSING_PRICES
from services.api import versions_answer, versions_command
from services.api.backend import Backend, aggregate, log
from services.api.commands import Place, Unavailable
from services.api.folding import Folding
from services.api.refusals import not_ready, unavailable
from services.api.versions_answer import Outcome
from services.api.versions_command import Command, Quotes, Stamp
from services.api.versions_lookup import SERVICE, Lookup, no_strategy
from services.api.versions_request import Wanted

_ATTEMPTS: Final = 3  # with other prices, where the strategy held something else meanwhile
_AT_ONCE: Final = 20  # records that are followed without leaving the event loop


class Writer(Protocol):
    """Where commands go."""

    async def append(self, routing_key: str, value: bytes, traceparent: str | None = None) -> Place:
        """Where a command lies once Kafka has it. Raises Unavailable."""


class Prices(Protocol):
    """What is known of instruments."""

    def quotes(self, symbols: Iterable[str]) -> dict[str, Mapping[str, str]] | None:
        """Price, step and minimum of those symbols that are known; None as long as that is not known."""


@dataclass(frozen=True)
class Writing:
    """Executes and deletes versions; ``clock`` gives seconds since 1970. Raises Refusal (503) where that is uncertain.

    What is uncertain may have happened: under the same key the next request learns what did. The ``traceparent`` of a
    request goes with its commands.
    """

    backend: Backend
    lookup: Lookup
    writer: Writer
    prices: Prices
    folding: Folding
    clock: Callable[[], float] = time.time

    async def execute(
        self, strategy_id: str, organization: str, asked: Wanted, traceparent: str | None = None
    ) -> Outcome:
        """What became of an execution, or of the first request under the same key. Raises Refusal: 404, 422."""
        for _ in range(_ATTEMPTS):
            strategy = await self.lookup.own_strategy(strategy_id, organization)
            if strategy.portfolio_value is None:
                raise no_strategy()
            quotes = self._quotes([*(symbol for symbol, _ in asked.targets), *strategy.held])
            version_id = str(uuid.uuid4())
            command = versions_command.execute(
                self._stamp(), strategy_id, version_id, organization, asked, quotes, strategy.portfolio_value
            )
            outcome = await self._carry_out(command, traceparent)
            if outcome is None:
                raise unavailable("nothing is left of the execution")
            if outcome.refused is None:
                return outcome
            if outcome.refused["code"] == KEY_REPEATED:
                return await self._first(strategy_id, outcome.refused["version_id"], organization, asked)
            if outcome.refused["code"] != MISSING_PRICES:
                return outcome
            self._check_held(outcome.refused["symbols"])
        raise unavailable("what the strategy holds changed too often for the execution to be planned")

    async def delete(
        self, strategy_id: str, organization: str, version_id: str, traceparent: str | None = None
    ) -> Outcome | None:
        """None where nothing is left of a version, else why it was not deleted."""
        command = versions_command.delete(self._stamp(), strategy_id, version_id, organization)
        return await self._carry_out(command, traceparent)

    async def _first(self, strategy_id: str, version_id: str, organization: str, asked: Wanted) -> Outcome:
        """What the first request under a key came to."""
        assert asked.key is not None
        partition = self.backend.partition(strategy_id)
        told = await self.backend.ask(self.backend.views.recorded(SERVICE, partition, version_id))
        found = await _read(versions_answer.first_answer, version_id, told.records, organization, asked.key)
        if found is None:  # so much came since that its beginning is in the log alone: as it is now
            now = await self.lookup.version(strategy_id, version_id)
            if now is None:
                raise not_ready(SERVICE, partition)
            found = Outcome(orjson.loads(now), None)
        return found

    async def _carry_out(self, command: Command, traceparent: str | None) -> Outcome | None:
        """What the fold made of a command; None where nothing is left of the version."""
        try:
            place = await self.writer.append(command.strategy_id, command.value, traceparent)
        except Unavailable as why:
            raise unavailable(f"Kafka does not answer: {why}") from None
        while True:
            await self.folding.reached(place.partition, place.offset)
            told = await self.backend.ask(
                self.backend.views.recorded(SERVICE, place.partition, command.version_id)
            )
            if told.position.input_offset >= place.offset:
                break  # else the partition is being made anew since
        if not told.records:
            return None
        found = await _read(versions_answer.outcome_of, command.version_id, told.records, command.id)
        if found is None:
            log.error(
                "a command is not in its version's history", version=command.version_id, command=command.id
            )
            raise unavailable("what became of the command is in the log alone")
        return found

    def _check_held(self, symbols: Sequence[str]) -> None:
        """Go on where what is held besides has prices. Raises Refusal (503)."""
        lacking = [symbol for symbol in symbols if symbol not in self._quotes(symbols)]
        if lacking:
            raise unavailable(f"no price is known of {', '.join(lacking)}, which the strategy holds")

    def _quotes(self, symbols: Iterable[str]) -> Quotes:
        found = self.prices.quotes(symbols)
        if found is None:
            raise unavailable("prices are being read from Kafka, which does not answer yet")
        return found

    def _stamp(self) -> Stamp:
        return Stamp(str(uuid.uuid4()), int(self.clock() * 1000))


async def _read(
    tell: Callable[..., Outcome | None], version_id: str, records: Sequence[bytes], *more: Any
) -> Outcome | None:
    """Follow a version's history. Raises Refusal (503) for a damaged one."""
    told = (aggregate(SERVICE), version_id, records, *more)
    try:
        return tell(*told) if len(records) <= _AT_ONCE else await asyncio.to_thread(tell, *told)
    except (ValueError, KeyError):
        log.exception("a history in redis is damaged", service=SERVICE, entity=version_id)
        raise unavailable("the history of this version is damaged") from None
