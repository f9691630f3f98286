"""Reading operations and executions: as they are, as they were, how that came about, and lists of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.contracts.names import ENTITIES
from libs.ledger.checks import is_uuid
from services.api import pages
from services.api.access import Access
from services.api.backend import Backend, aggregate, document, log
from services.api.listing import Place, hashes, latest
from services.api.past import document_at, moment, told
from services.api.refusals import Refusal, not_ready, unavailable, wrong_parameter

STATUSES: Final = {
    "operations": ("validating", "pricing", "settling", "settled", "skipped", "failed"),
    "executions": ("awaiting_execution", "settled", "skipped", "rejected"),
}
_JSON: Final = "application/json"


def routes(backend: Backend, access: Access) -> list[Route]:
    """`GET /api/v1/operations`, `/{id}`, `/{id}/history`, and of executions the same."""
    found = []
    for service in STATUSES:
        ledger = Ledger(service, backend, access)
        found += [
            Route(f"/api/v1/{service}", ledger.get_list),
            Route(f"/api/v1/{service}/{{id}}", ledger.get_one),
            Route(f"/api/v1/{service}/{{id}}/history", ledger.get_history),
        ]
    return found


@dataclass(frozen=True)
class Ledger:
    """The routes of one service."""

    service: str
    backend: Backend
    access: Access

    async def get_one(self, request: Request) -> Response:
        """An entity as it is, or as it was at ``as_of``."""
        entity_id = await self._let_in(request)
        text = request.query_params.get("as_of")
        when = None if text is None else moment(text)
        fields = await hashes(self.backend, self.service, [entity_id])
        if not fields:
            raise self._nothing()
        shown: bytes | None = document(self.service, entity_id, fields[entity_id])
        last = int(fields[entity_id]["sequence"])
        if when is not None and (when.sequence is None or when.sequence < last):
            history = await self._history(entity_id)
            try:
                fold = aggregate(self.service)
                shown = await asyncio.to_thread(document_at, fold, entity_id, history, when)
            except ValueError:
                raise self._damaged(entity_id) from None
            if shown is None:
                raise Refusal(HTTPStatus.NOT_FOUND, "nothing was known of it by then")
        return Response(b'{"data":' + (shown or b"null") + b"}", media_type=_JSON)

    async def get_history(self, request: Request) -> Response:
        """The entity's log records, oldest first, and what each changed."""
        entity_id = await self._let_in(request)
        limit, after = pages.limit_of(request.query_params), pages.numbered(request.query_params)
        if not await hashes(self.backend, self.service, [entity_id]):
            raise self._nothing()
        history = await self._history(entity_id)
        try:
            fold = aggregate(self.service)
            found = await asyncio.to_thread(told, fold, entity_id, history, after or 0, limit + 1)
        except ValueError:
            raise self._damaged(entity_id) from None
        shown = found[:limit]
        more = pages.cursor(shown[-1][0]) if len(found) > limit else None
        return Response(pages.listed([one for _, one in shown], more), media_type=_JSON)

    async def get_list(self, request: Request) -> Response:
        """Entities, those changed last first; of a strategy, in a status, or both."""
        await self.access.granted(request, f"{self.service}:read")
        query = request.query_params
        strategy, status = query.get("strategy_id"), query.get("status")
        if strategy is not None and not is_uuid(strategy):
            raise wrong_parameter("strategy_id", "is not a UUID")
        if status is not None and status not in STATUSES[self.service]:
            raise wrong_parameter("status", f"is none of {', '.join(STATUSES[self.service])}")
        limit, before = pages.limit_of(query), pages.ranked(query)
        if strategy is not None:
            indexes = [("strategy", strategy.lower())]
        else:
            indexes = [("status", one) for one in ([status] if status else STATUSES[self.service])]
        found = await self._matching(indexes, status, before, limit + 1)
        shown = found[:limit]
        more = pages.cursor(*shown[-1][0]) if len(found) > limit else None
        return Response(pages.listed([one for _, one in shown], more), media_type=_JSON)

    async def _matching(
        self, indexes: list[tuple[str, str]], status: str | None, before: Place | None, count: int
    ) -> list[tuple[Place, bytes]]:
        """Documents with their places; a status is looked for among those of the indexes."""
        found: list[tuple[Place, bytes]] = []
        while True:
            places = await latest(self.backend, self.service, indexes, before, count)
            fields = await hashes(self.backend, self.service, [entity_id for _, entity_id in places])
            for place in places:
                own = fields.get(place[1])
                if own is not None and status in (None, own["status"]):
                    found.append((place, document(self.service, place[1], own)))
            if len(found) >= count or len(places) < count:
                return found[:count]
            before = places[-1]

    async def _let_in(self, request: Request) -> str:
        """The id that is asked for, by somebody who may. Raises Refusal."""
        await self.access.granted(request, f"{self.service}:read")
        entity_id = request.path_params["id"]
        if not is_uuid(entity_id):
            raise self._nothing()
        return str(entity_id).lower()

    async def _history(self, entity_id: str) -> list[bytes]:
        partition = self.backend.partition(entity_id)

        async def read() -> list[bytes]:
            records = self.backend.views.history(self.service, partition, entity_id)
            return [record async for record in records]

        history = await self.backend.ask(read())
        # what was read may be half of it where the partition was being made anew meanwhile
        at = await self.backend.ask(self.backend.views.projection(self.service, partition, entity_id))
        if not at.ready:
            raise not_ready(self.service, partition)
        return history

    def _nothing(self) -> Refusal:
        return Refusal(HTTPStatus.NOT_FOUND, f"there is no such {ENTITIES[self.service]}")

    def _damaged(self, entity_id: str) -> Refusal:
        log.exception("a history in redis is damaged", service=self.service, entity=entity_id)
        return unavailable(f"the history of this {ENTITIES[self.service]} is damaged")
