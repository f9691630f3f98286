"""Which organization a strategy belongs to, once it is registered with versions.

It never changes, so that it is believed also while the worker of versions is away. Only a strategy that is not found
while its partition is being made anew, or after Redis was emptied and before a worker noticed, can't be told from one
that nobody registered: then nothing is shown of it. (A process that began in that very moment takes it for a deployment
without versions.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from libs.contracts.names import companion_of
from libs.ledger.checks import is_uuid
from libs.views.reading import Position
from services.api.backend import Backend
from services.api.refusals import not_ready

SERVICE: Final = "versions"
_OWNER: Final = "organization_id"
_NONE: Final = "null"


class Organizations:
    """Looks organizations up."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._taken: set[int] = set()  # partitions that a worker of versions once had

    async def foreign(self, organization: str, strategy_ids: Iterable[str]) -> frozenset[str]:
        """Those of the strategies, as they are spelled, that belong to another organization. Raises Refusal (503)."""
        spelled = {one: one.lower() for one in strategy_ids if is_uuid(one)}
        owners = await self._owners(set(spelled.values()))
        return frozenset(one for one, plain in spelled.items() if owners[plain] not in (None, organization))

    async def _owners(self, strategy_ids: set[str]) -> dict[str, str | None]:
        backend, views = self._backend, self._backend.views
        places: dict[int, list[str]] = {}
        for one in strategy_ids:
            places.setdefault(backend.partition(one), []).append(one)
        found = await backend.ask(
            asyncio.gather(
                *(
                    views.joined(SERVICE, partition, [companion_of(SERVICE, one) for one in some], (_OWNER,))
                    for partition, some in places.items()
                )
            )
        )
        owners: dict[str, str | None] = {}
        for some, told in zip(places.values(), found, strict=True):
            unknown = self._unknown(told.position)
            for one, fields in zip(some, told.fields, strict=True):
                owner = fields.get(_OWNER)
                if owner is None and unknown:
                    raise not_ready(SERVICE, told.position.partition)
                owners[one] = None if owner in (None, _NONE) else owner
        return owners

    def _unknown(self, position: Position) -> bool:
        """Whether what is missing from a partition may still come.

        It may where somebody took it empty and was not through with its log yet: a worker that stopped, or recovers
        with what Redis has, leaves there when it was ready last. And where it is nobody's although it was somebody's.
        """
        if position.owner is None:
            return position.partition in self._taken
        self._taken.add(position.partition)
        return position.seen_at is None
