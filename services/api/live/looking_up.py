"""One entity of any service, for the page: as it is, as it was, and how that came about."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.datastructures import QueryParams

from libs.contracts.names import is_companion
from libs.ledger.checks import is_uuid
from services.api import agents, entities, pages
from services.api.backend import Backend, document
from services.api.listing import hashes
from services.api.refusals import Refusal, not_ready, wrong_parameter

_UUIDS: Final = ("operations", "executions", "versions")
_ENDINGS: Final = (":log", ":equity", ":trades", ":journal", ":blocks", ":orders", ":positions")

_DIGITS: Final = 15


async def shown(backend: Backend, services: tuple[str, ...], query: QueryParams) -> bytes:
    """The answer with its document, as it is or as it was at ``as_of``. Raises Refusal: 404, 410, 422, 503."""
    service, entity_id, routing_key = await _meant(backend, services, query)
    found = await entities.as_it_was(backend, service, entity_id, query, routing_key)
    if found is None:
        fields = await hashes(backend, service, [entity_id], routing_key)
        if not fields:
            raise entities.nothing(service)
        found = document(service, entity_id, fields[entity_id])
    return b'{"data":' + found + b"}"


async def history(backend: Backend, services: tuple[str, ...], query: QueryParams) -> bytes:
    """The answer with its log records after a sequence, oldest first, and what each changed.

    Raises Refusal: 404, 422, 503.
    """
    service, entity_id, routing_key = await _meant(backend, services, query)
    after = query.get("after")
    if after is not None:
        if not (after.isascii() and after.isdigit() and len(after) <= _DIGITS):
            raise wrong_parameter("after", "is not a sequence")
        query = QueryParams({**query, "cursor": pages.cursor(int(after))})
    return await entities.history(backend, service, entity_id, query, routing_key)


async def equity(backend: Backend, services: tuple[str, ...], query: QueryParams) -> bytes:
    """The answer with an agent's snapshots, the newest first. Raises Refusal: 404, 422, 503."""
    asked = QueryParams({**query, "service": agents.SERVICE})
    _, agent_id, _ = await _meant(backend, services, asked)
    return await agents.streamed(backend, agent_id, "equity", query)


async def _meant(backend: Backend, services: tuple[str, ...], query: QueryParams) -> tuple[str, str, str]:
    """Service, id and routing key of the entity that is asked for."""
    service, entity_id = query.get("service", ""), query.get("id", "")
    if service not in services:
        raise Refusal(HTTPStatus.NOT_FOUND, f"service is none of {', '.join(services)}")
    if service in _UUIDS:
        entity_id = entity_id.lower()
        if not is_uuid(entity_id):
            raise entities.nothing(service)
    if not entity_id or is_companion(service, entity_id) or entity_id.endswith(_ENDINGS):
        raise entities.nothing(service)
    match service:
        case "strategies":
            return service, entity_id, entity_id.partition(":")[0]
        case "versions":
            return service, entity_id, await _strategy_of(backend, entity_id)
        case _:
            return service, entity_id, entity_id


async def _strategy_of(backend: Backend, version_id: str) -> str:
    """A version lies with its strategy, which its id does not tell: all partitions are asked. Raises Refusal."""
    found = await backend.ask(
        asyncio.gather(
            *(
                backend.views.joined("versions", partition, [version_id], ("strategy_id",))
                for partition in range(backend.partitions)
            )
        )
    )
    for one in found:
        (fields,) = one.fields
        if fields:
            return fields["strategy_id"]
    for one in found:
        if not one.ready:
            raise not_ready("versions", one.position.partition)
    raise entities.nothing("versions")
