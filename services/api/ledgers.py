"""Reading operations and executions: as they are, as they were, how that came about, and lists of them.

Those of a registered strategy are shown to its organization alone, the others to any token with the scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.contracts import statuses
from libs.ledger.checks import is_uuid
from services.api import entities, pages
from services.api.access import Access
from services.api.backend import Backend, aggregate, document
from services.api.listing import Place, hashes, latest
from services.api.organizations import Organizations
from services.api.refusals import not_ready, wrong_parameter

STATUSES: Final = {service: statuses.STATUSES[service] for service in ("operations", "executions")}
_JSON: Final = "application/json"


def routes(backend: Backend, access: Access) -> list[Route]:
    """`GET /api/v1/operations`, `/{id}`, `/{id}/history`, and of executions the same."""
    found = []
    organizations = Organizations(backend)
    for service in STATUSES:
        ledger = Ledger(service, backend, access, organizations)
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
    organizations: Organizations

    async def get_one(self, request: Request) -> Response:
        """An entity as it is, or as it was at ``as_of``."""
        entity_id = await self._let_in(request)
        found = await entities.shown(self.backend, self.service, entity_id, request.query_params)
        return Response(found, media_type=_JSON)

    async def get_history(self, request: Request) -> Response:
        """The entity's log records, oldest first, and what each changed."""
        entity_id = await self._let_in(request)
        found = await entities.history(self.backend, self.service, entity_id, request.query_params)
        return Response(found, media_type=_JSON)

    async def get_list(self, request: Request) -> Response:
        """Entities, those changed last first; of a strategy, in a status, or both."""
        grant = await self.access.granted(request, f"{self.service}:read")
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
            if status is None:
                indexes.append(("known", "outcomes"))  # operations that have no status yet
        found: list[tuple[Place, bytes]] = []
        if strategy is None or not await self.organizations.foreign(grant.organization, [strategy]):
            found = await self._matching(indexes, status, before, limit + 1, grant.organization)
        shown = found[:limit]
        more = pages.cursor(*shown[-1][0]) if len(found) > limit else None
        return Response(pages.listed([one for _, one in shown], more), media_type=_JSON)

    async def _matching(
        self,
        indexes: list[tuple[str, str]],
        status: str | None,
        before: Place | None,
        count: int,
        organization: str,
    ) -> list[tuple[Place, bytes]]:
        """Documents for an organization, with their places; a status is looked for among those of the indexes."""
        found: list[tuple[Place, bytes]] = []
        while True:
            places = await latest(self.backend, self.service, indexes, before, count)
            fields = await hashes(self.backend, self.service, [entity_id for _, entity_id in places])
            strategies = {own["strategy_id"] for own in fields.values()}
            foreign = await self.organizations.foreign(organization, strategies)
            for place in places:
                own = fields.get(place[1])
                if own is None or own["strategy_id"] in foreign:
                    continue
                if status in (None, own["status"]):
                    found.append((place, document(self.service, place[1], own)))
            if len(found) >= count or len(places) < count:
                return found[:count]
            before = places[-1]

    async def _let_in(self, request: Request) -> str:
        """The id that is asked for, by somebody who may. Raises Refusal."""
        grant = await self.access.granted(request, f"{self.service}:read")
        if not is_uuid(request.path_params["id"]):
            raise entities.nothing(self.service)
        entity_id = str(request.path_params["id"]).lower()
        views, partition = self.backend.views, self.backend.partition(entity_id)
        told = await self.backend.ask(views.joined(self.service, partition, [entity_id], ("strategy_id",)))
        if not told.ready:
            raise not_ready(self.service, partition)
        strategy = told.fields[0].get("strategy_id")
        if strategy == "null":  # of a fact that changed nothing, the fold alone knows whose it is
            fields = await hashes(self.backend, self.service, [entity_id])
            strategy = None
            if fields:
                strategy = str(aggregate(self.service).restore(entity_id, fields[entity_id]).strategy_id)
        if strategy is None or await self.organizations.foreign(grant.organization, [strategy]):
            raise entities.nothing(self.service)
        return entity_id
