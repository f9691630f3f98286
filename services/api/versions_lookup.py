"""What Redis shows of strategies and their versions, as far as an organization may see it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

import orjson

from libs.contracts.names import companion_of
from libs.ledger.times import milliseconds
from services.api import entities
from services.api.backend import Backend, document
from services.api.listing import Place, hashes
from services.api.refusals import Refusal, not_ready

SERVICE: Final = "versions"
_OF_STRATEGY: Final = ("organization_id", "portfolio_value", "positions")
_WHOSE: Final = ("organization_id", "strategy_id", "inserted_at", "executed_at")
_NULL: Final = "null"


class Strategy(NamedTuple):
    """What a strategy's hash tells: whose it is, what it is worth, which symbols it holds."""

    organization: str | None
    portfolio_value: str | None
    held: tuple[str, ...]


class Lookup:
    """Looks strategies and versions up. Raises Refusal (503) while the strategy's partition is not ready."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def strategy(self, strategy_id: str) -> Strategy:
        """A strategy; all None where nothing is known of it."""
        partition = self._backend.partition(strategy_id)
        shared = companion_of(SERVICE, strategy_id)
        told = await self._backend.ask(self._backend.views.joined(SERVICE, partition, [shared], _OF_STRATEGY))
        if not told.ready:
            raise not_ready(SERVICE, partition)
        (own,) = told.fields
        held = tuple(one["symbol"] for one in orjson.loads(own.get("positions", "[]")))
        return Strategy(_text(own, "organization_id"), _text(own, "portfolio_value"), held)

    async def own_strategy(self, strategy_id: str, organization: str) -> Strategy:
        """A strategy that is registered with the organization. Raises Refusal (404)."""
        found = await self.strategy(strategy_id)
        if found.organization != organization:
            raise no_strategy()
        return found

    async def let_in(self, strategy_id: str, version_id: str, organization: str) -> bool:
        """Return where there is such a version, for the organization to see: whether it was executed.

        Raises Refusal (404).
        """
        partition = self._backend.partition(strategy_id)
        shared = companion_of(SERVICE, strategy_id)
        told = await self._backend.ask(
            self._backend.views.joined(SERVICE, partition, [shared, version_id], _WHOSE)
        )
        if not told.ready:
            raise not_ready(SERVICE, partition)
        strategy, own = told.fields
        if not own or own["strategy_id"] != strategy_id or own["inserted_at"] == _NULL:
            raise entities.nothing(SERVICE)
        if (_text(strategy, "organization_id") or own["organization_id"]) != organization:
            raise entities.nothing(SERVICE)
        return own["executed_at"] != _NULL

    async def version(self, strategy_id: str, version_id: str) -> bytes | None:
        """A version's state document as it is, None where there is none."""
        fields = await hashes(self._backend, SERVICE, [version_id], strategy_id)
        return document(SERVICE, version_id, fields[version_id]) if fields else None

    async def places(self, strategy_id: str) -> list[Place]:
        """When each version of a strategy came to be (ms) and its id, the newest first.

        All of them are looked at: the index has the time of each version's last change.
        """
        partition, views = self._backend.partition(strategy_id), self._backend.views
        members = await self._backend.ask(views.members(SERVICE, partition, ("strategy", strategy_id)))
        told = await self._backend.ask(views.joined(SERVICE, partition, members.ids, ("inserted_at",)))
        if not (members.ready and told.ready):
            raise not_ready(SERVICE, partition)
        stamps = [_text(fields, "inserted_at") for fields in told.fields]
        places = [
            (max(0, milliseconds(stamp)), version_id)
            for version_id, stamp in zip(members.ids, stamps, strict=True)
            if stamp is not None
        ]
        return sorted(places, reverse=True)


def no_strategy() -> Refusal:
    """404: there is no such strategy, or it is another organization's."""
    return Refusal(HTTPStatus.NOT_FOUND, "there is no such strategy")


def _text(fields: Mapping[str, str], name: str) -> str | None:
    value = fields.get(name)
    return None if value == _NULL else value
