"""Versions over REST, to the letter of 001: shown, listed, executed and deleted by a strategy's own organization.

A request that changes something is answered with what the fold made of it. So every process shows at once what one of
them answered, and a request that was sent twice under one key has one effect, whichever process it came to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.contracts import statuses
from libs.contracts.traceparent import of_request
from libs.contracts.versions import TOO_MANY_KEYS
from libs.ledger.checks import is_uuid
from services.api import entities, pages, versions_answer
from services.api.access import Access
from services.api.backend import Backend, document
from services.api.body import read_body
from services.api.folding import Folding
from services.api.listing import Place, hashes
from services.api.refusals import wrong_parameter
from services.api.versions_lookup import SERVICE, Lookup, no_strategy
from services.api.versions_request import associations, wanted
from services.api.versions_writing import Prices, Writer, Writing

READ: Final = "strategy_versions:read"
CREATE: Final = "strategy_versions:create"
EXECUTE: Final = "strategy_versions:execute"
DELETE: Final = "strategy_versions:delete"
STATUSES: Final = statuses.STATUSES[SERVICE]
AT: Final = "/api/v1/strategies/{strategy_id}/versions"
_EXECUTE: Final = "execute"
_JSON: Final = "application/json"


def routes(backend: Backend, access: Access, writer: Writer, prices: Prices) -> list[Route]:
    """The routes of 001, and lists and histories beside them."""
    lookup = Lookup(backend)
    writing = Writing(backend, lookup, writer, prices, Folding(backend, SERVICE))
    versions = Versions(backend, access, lookup, writing)
    return [
        Route(AT, versions.get_list),
        Route(f"{AT}/{_EXECUTE}", versions.post_execute, methods=["POST"]),
        Route(f"{AT}/{{id}}", versions.on_one, methods=["GET", "DELETE"]),
        Route(f"{AT}/{{id}}/history", versions.get_history),
    ]


@dataclass(frozen=True)
class Versions:
    """What answers them."""

    backend: Backend
    access: Access
    lookup: Lookup
    writing: Writing

    async def on_one(self, request: Request) -> Response:
        """Show or delete a version."""
        if request.path_params["id"] == _EXECUTE:  # which is no version, but a route of its own
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
        return await (self._delete(request) if request.method == "DELETE" else self._show(request))

    async def _show(self, request: Request) -> Response:
        grant = await self.access.granted(request, READ)
        strategy_id, version_id = _ids(request)
        query = request.query_params
        include = associations(query.getlist("include"))
        await self.lookup.let_in(strategy_id, version_id, grant.organization)
        found = await entities.as_it_was(self.backend, SERVICE, version_id, query, strategy_id)
        if found is None:
            found = await self.lookup.version(strategy_id, version_id)
        told = None if found is None else orjson.loads(found)
        if told is None or not versions_answer.known(told):
            raise entities.nothing(SERVICE)
        return _answer(versions_answer.shown(told, include))

    async def _delete(self, request: Request) -> Response:
        grant = await self.access.granted(request, DELETE)
        strategy_id, version_id = _ids(request)
        if await self.lookup.let_in(
            strategy_id, version_id, grant.organization
        ):  # for good, so no command is needed
            raise versions_answer.problem(versions_answer.EXECUTED)
        outcome = await self.writing.delete(
            strategy_id, grant.organization, version_id, of_request(request.headers.raw)
        )
        if outcome is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        if outcome.refused is None or outcome.refused["code"] not in versions_answer.PROBLEMS:
            raise entities.nothing(SERVICE)
        raise versions_answer.problem(outcome.refused)

    async def get_history(self, request: Request) -> Response:
        """A version's log records, oldest first, and what each changed."""
        grant = await self.access.granted(request, READ)
        strategy_id, version_id = _ids(request)
        await self.lookup.let_in(strategy_id, version_id, grant.organization)
        found = await entities.history(self.backend, SERVICE, version_id, request.query_params, strategy_id)
        return Response(found, media_type=_JSON)

    async def post_execute(self, request: Request) -> Response:
        """Create a version and execute it."""
        grant = await self.access.granted(request, CREATE, EXECUTE)
        strategy_id = _strategy_id(request)
        body = await read_body(request)
        await self.lookup.own_strategy(strategy_id, grant.organization)
        asked = wanted(body, request.headers.getlist("idempotency-key"))
        outcome = await self.writing.execute(
            strategy_id, grant.organization, asked, of_request(request.headers.raw)
        )
        if outcome.refused is not None:
            if outcome.refused["code"] not in (*versions_answer.PROBLEMS, TOO_MANY_KEYS):
                raise no_strategy()
            raise versions_answer.problem(outcome.refused, [symbol for symbol, _ in asked.targets])
        where = versions_answer.location(strategy_id, outcome.document["id"])
        return _answer(versions_answer.shown(outcome.document), HTTPStatus.ACCEPTED, {"Location": where})

    async def get_list(self, request: Request) -> Response:
        """A strategy's versions, the newest first; in a status if asked for."""
        grant = await self.access.granted(request, READ)
        strategy_id, query = _strategy_id(request), request.query_params
        include, status = associations(query.getlist("include")), query.get("status")
        if status is not None and status not in STATUSES:
            raise wrong_parameter("status", f"is none of {', '.join(STATUSES)}")
        limit, before = pages.limit_of(query), pages.ranked(query)
        owner = (await self.lookup.strategy(strategy_id)).organization
        if owner not in (None, grant.organization):
            raise no_strategy()
        found: list[tuple[Place, Mapping[str, str]]] = []
        places = [one for one in await self.lookup.places(strategy_id) if before is None or one < before]
        for start in range(0, len(places), limit + 1):
            some = places[start : start + limit + 1]
            fields = await hashes(self.backend, SERVICE, [one for _, one in some], strategy_id)
            own = [(place, fields[place[1]]) for place in some if place[1] in fields]
            found += [
                (place, one)
                for place, one in own
                if status in (None, one["status"]) and (owner or one["organization_id"]) == grant.organization
            ]
            if len(found) > limit:
                break
        if owner is None and not found:
            raise no_strategy()
        page = found[:limit]
        items = [
            versions_answer.shown(orjson.loads(document(SERVICE, place[1], one)), include)
            for place, one in page
        ]
        more = pages.cursor(*page[-1][0]) if len(found) > limit else None
        return Response(pages.listed(items, more), media_type=_JSON)


def _strategy_id(request: Request) -> str:
    value = request.path_params["strategy_id"]
    if not is_uuid(value):
        raise no_strategy()
    return str(value).lower()


def _ids(request: Request) -> tuple[str, str]:
    """The strategy's id and the version's, in lower case. Raises Refusal (404)."""
    strategy_id, version_id = request.path_params["strategy_id"], request.path_params["id"]
    if not (is_uuid(strategy_id) and is_uuid(version_id)):
        raise entities.nothing(SERVICE)
    return str(strategy_id).lower(), str(version_id).lower()


def _answer(
    data: bytes, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(b'{"data":' + data + b"}", status, headers, _JSON)
