"""Strategies of the caller's account: Get Strategy of 004, as it is and as it was, lists, and histories."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.contracts import statuses
from libs.ledger.reading import read_exactly
from services.api import entities, pages
from services.api.access import Access
from services.api.backend import Backend, document
from services.api.refusals import Refusal, not_ready, wrong_parameter

SERVICE: Final = "strategies"
STATUSES: Final = statuses.STATUSES[SERVICE]
_OWN: Final = ("status", "error", "positions", "orders", "realized_pnl", "fees")
_OF_THE_ACCOUNT: Final = ("completeness", "gaps", "upstream_seq", "seq")
_ENDING: Final = ":log"  # of the keys of histories
_JSON: Final = "application/json"


def routes(backend: Backend, access: Access) -> list[Route]:
    """`GET /api/v1/strategies`, `/{strategy_id}` and `/{strategy_id}/history`."""

    async def get_list(request: Request) -> Response:
        account = await access.account(request)
        return Response(await listed(backend, account, request.query_params), media_type=_JSON)

    async def get_strategy(request: Request) -> Response:
        account = await access.account(request)
        entity_id = _entity(account, request.path_params["strategy_id"])
        body = await strategy(backend, account, entity_id, request.query_params)
        return Response(b'{"data":' + body + b"}", media_type=_JSON)

    async def get_history(request: Request) -> Response:
        account = await access.account(request)
        entity_id = _entity(account, request.path_params["strategy_id"])
        body = await entities.history(backend, SERVICE, entity_id, request.query_params, account)
        return Response(body, media_type=_JSON)

    return [
        Route("/api/v1/strategies", get_list),
        Route("/api/v1/strategies/{strategy_id}", get_strategy),
        Route("/api/v1/strategies/{strategy_id}/history", get_history),
    ]


async def strategy(backend: Backend, account: str, entity_id: str, query: QueryParams) -> bytes:
    """Get Strategy's data as JSON. Raises Refusal: 404, 410, 422, 503."""
    past = await entities.as_it_was(backend, SERVICE, entity_id, query, account)
    if past is not None:
        # what was known of the account's stream by then is not in a strategy's own history
        return _told(entity_id, past, dict.fromkeys(_OF_THE_ACCOUNT))
    (own,), stream = await _now(backend, account, [entity_id])
    if not own:
        raise _nothing()
    return _told(entity_id, document(SERVICE, entity_id, own), stream)


async def listed(backend: Backend, account: str, query: QueryParams) -> bytes:
    """The account's strategies, those changed last first, in a status if asked for. Raises Refusal: 422, 503."""
    status = query.get("status")
    if status is not None and status not in STATUSES:
        raise wrong_parameter("status", f"is none of {', '.join(STATUSES)}")
    limit, before = pages.limit_of(query), pages.ranked(query)
    partition = backend.partition(account)
    found: list[tuple[tuple[int, str], bytes]] = []
    while len(found) <= limit:
        page = await backend.ask(
            backend.views.ranked(SERVICE, partition, ("account", account), before, limit + 1)
        )
        if not page.ready:
            raise not_ready(SERVICE, partition)
        fields, stream = await _now(backend, account, [entity_id for _, entity_id in page.members])
        for place, own in zip(page.members, fields, strict=True):
            if own and status in (None, own["status"]):
                found.append((place, _told(place[1], document(SERVICE, place[1], own), stream)))
        if len(page.members) <= limit:
            break
        before = page.members[-1]
    shown = found[:limit]
    more = pages.cursor(*shown[-1][0]) if len(found) > limit else None
    return pages.listed([one for _, one in shown], more)


async def _now(
    backend: Backend, account: str, entity_ids: list[str]
) -> tuple[list[Mapping[str, str]], Mapping[str, Any]]:
    """The strategies' hashes, and what is known of the account's stream at the same moment. Raises Refusal: 503.

    What a strategy has of its account is as of its own last fact.
    """
    partition = backend.partition(account)
    found = await backend.ask(backend.views.joined(SERVICE, partition, (*entity_ids, account)))
    if not found.ready:
        raise not_ready(SERVICE, partition)
    *own, shared = found.fields
    if not any(own):
        return own, {}
    return own, read_exactly(document(SERVICE, account, shared))


def _told(entity_id: str, own: bytes, stream: Mapping[str, Any]) -> bytes:
    account, _, strategy_id = entity_id.partition(":")
    told = read_exactly(own)
    answer: dict[str, Any] = {
        "id": strategy_id,
        "account": account,
        **{name: told[name] for name in _OWN},
        **{name: stream[name] for name in _OF_THE_ACCOUNT},
    }
    return orjson.dumps(answer)


def _entity(account: str, strategy_id: str) -> str:
    """The strategy's id among all accounts. Raises Refusal: 404."""
    if ":" in account or strategy_id.endswith(_ENDING):
        raise _nothing()
    return f"{account}:{strategy_id}"


def _nothing() -> Refusal:
    return Refusal(HTTPStatus.NOT_FOUND, "the account has no such strategy")
