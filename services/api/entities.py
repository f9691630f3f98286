"""One entity of a service that is routed by its own id: as it is, as it was, and how that came about."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.datastructures import QueryParams

from libs.contracts.names import ENTITIES
from services.api import pages
from services.api.backend import Backend, aggregate, document, log
from services.api.listing import hashes
from services.api.past import document_at, moment, told
from services.api.refusals import Refusal, not_ready, unavailable


def nothing(service: str) -> Refusal:
    """404: there is no such entity, or none that the client may see."""
    return Refusal(HTTPStatus.NOT_FOUND, f"there is no such {ENTITIES[service]}")


async def shown(backend: Backend, service: str, entity_id: str, query: QueryParams) -> bytes:
    """The answer with the state document, as it is or as it was at ``as_of``. Raises Refusal: 404, 410, 422, 503."""
    text = query.get("as_of")
    when = None if text is None else moment(text)
    fields = await hashes(backend, service, [entity_id])
    if not fields:
        raise nothing(service)
    found: bytes | None = document(service, entity_id, fields[entity_id])
    last = int(fields[entity_id]["sequence"])
    if when is not None and (when.sequence is None or when.sequence < last):
        history = await _history(backend, service, entity_id)
        try:
            found = await asyncio.to_thread(document_at, aggregate(service), entity_id, history, when)
        except ValueError:
            raise _damaged(service, entity_id) from None
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, "nothing was known of it by then")
    return b'{"data":' + found + b"}"


async def history(backend: Backend, service: str, entity_id: str, query: QueryParams) -> bytes:
    """The answer with its log records, oldest first, and what each changed. Raises Refusal: 404, 422, 503."""
    limit, after = pages.limit_of(query), pages.numbered(query)
    if not await hashes(backend, service, [entity_id]):
        raise nothing(service)
    records = await _history(backend, service, entity_id)
    try:
        found = await asyncio.to_thread(told, aggregate(service), entity_id, records, after or 0, limit + 1)
    except ValueError:
        raise _damaged(service, entity_id) from None
    page = found[:limit]
    more = pages.cursor(page[-1][0]) if len(found) > limit else None
    return pages.listed([one for _, one in page], more)


async def _history(backend: Backend, service: str, entity_id: str) -> list[bytes]:
    partition = backend.partition(entity_id)

    async def read() -> list[bytes]:
        return [record async for record in backend.views.history(service, partition, entity_id)]

    records = await backend.ask(read())
    # what was read may be half of it where the partition was being made anew meanwhile
    at = await backend.ask(backend.views.projection(service, partition, entity_id))
    if not at.ready:
        raise not_ready(service, partition)
    return records


def _damaged(service: str, entity_id: str) -> Refusal:
    log.exception("a history in redis is damaged", service=service, entity=entity_id)
    return unavailable(f"the history of this {ENTITIES[service]} is damaged")
