"""The REST side of 002: agents, and what they told, newest first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.api import entities, pages
from services.api.access import Access
from services.api.backend import Backend, document, log
from services.api.listing import hashes, latest
from services.api.messages import message
from services.api.refusals import Refusal, not_ready, unavailable

SERVICE: Final = "agents"
CURRENT: Final = "current"
STREAMS: Final = {"equity": "equity", "trades": "trades", "journal": "journal", "risk/blocks": "blocks"}
ALL: Final = (("mode", "PAPER"), ("mode", "LIVE"))  # every agent is in one of these indexes
_ENDINGS: Final = (":log", *(f":{stream}" for stream in STREAMS.values()))
_JSON: Final = "application/json"

Answer = Callable[[Request], Awaitable[Response]]


def routes(backend: Backend, access: Access) -> list[Route]:
    """`GET /agents`, `/agents/{id}` and its streams."""

    def let_in(answer: Answer) -> Answer:
        async def judged(request: Request) -> Response:
            await access.agents(request)
            return await answer(request)

        return judged

    async def get_agents(request: Request) -> Response:
        limit, before = pages.limit_of(request.query_params), pages.ranked(request.query_params)
        status = request.query_params.get("status")
        indexes = ALL if status is None else [("status", status)]
        found = await latest(backend, SERVICE, indexes, before, limit + 1)
        shown = found[:limit]
        fields = await hashes(backend, SERVICE, [agent_id for _, agent_id in shown])
        documents = [document(SERVICE, agent_id, own) for agent_id, own in fields.items()]
        more = pages.cursor(*shown[-1]) if len(found) > limit else None
        return Response(pages.listed(documents, more), media_type=_JSON)

    async def get_agent(request: Request) -> Response:
        agent_id = await resolve(backend, request.path_params["id"])
        return Response(
            await entities.shown(backend, SERVICE, agent_id, request.query_params), media_type=_JSON
        )

    async def get_history(request: Request) -> Response:
        agent_id = await resolve(backend, request.path_params["id"])
        return Response(
            await entities.history(backend, SERVICE, agent_id, request.query_params), media_type=_JSON
        )

    def get_stream(stream: str) -> Answer:
        async def get(request: Request) -> Response:
            agent_id = await resolve(backend, request.path_params["id"])
            return Response(await streamed(backend, agent_id, stream, request.query_params), media_type=_JSON)

        return get

    return [
        Route("/agents", let_in(get_agents)),
        Route("/agents/{id}", let_in(get_agent)),
        Route("/agents/{id}/history", let_in(get_history)),
        *(Route(f"/agents/{{id}}/{path}", let_in(get_stream(name))) for path, name in STREAMS.items()),
    ]


async def streamed(backend: Backend, agent_id: str, stream: str, query: QueryParams) -> bytes:
    """The answer with what an agent told, the newest first. Raises Refusal: 404, 422, 503."""
    limit, before = pages.limit_of(query), pages.numbered(query)
    partition = backend.partition(agent_id)
    found = await backend.ask(backend.views.stream(SERVICE, partition, agent_id, stream, before, limit + 1))
    if not found.ready:
        raise not_ready(SERVICE, partition)
    if not found.known:
        raise entities.nothing(SERVICE)
    shown = found.entries[:limit]
    try:
        items = [message(fields) for _, fields in shown]
    except (KeyError, ValueError):
        log.exception("a stream in redis is damaged", agent=agent_id, stream=stream)
        raise unavailable(f"the agent's {stream} are damaged") from None
    return pages.listed(items, pages.cursor(shown[-1][0]) if len(found.entries) > limit else None)


async def resolve(backend: Backend, agent_id: str) -> str:
    """The id that is meant: ``current`` is the only agent there is. Raises Refusal: 404, 409, 503."""
    if agent_id != CURRENT:
        if agent_id.endswith(_ENDINGS):
            raise entities.nothing(SERVICE)
        return agent_id
    there = await latest(backend, SERVICE, ALL, None, 2)
    if not there:
        raise Refusal(HTTPStatus.NOT_FOUND, "there is no agent")
    if len(there) > 1:
        raise Refusal(HTTPStatus.CONFLICT, "there are several agents: current stands for the only one")
    return there[0][1]
