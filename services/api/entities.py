"""One entity of a service: as it is, as it was, and how that came about.

``routing_key`` is an entity's where that is not its own id.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.datastructures import QueryParams

from libs.contracts.names import ENTITIES
from libs.ledger.times import milliseconds
from services.api import pages
from services.api.backend import Backend, aggregate, document, log
from services.api.listing import hashes
from services.api.past import document_at, moment, told
from services.api.refusals import Refusal, not_ready, unavailable


def nothing(service: str) -> Refusal:
    """404: there is no such entity, or none that the client may see."""
    return Refusal(HTTPStatus.NOT_FOUND, f"there is no such {ENTITIES[service]}")


def _not_yet() -> Refusal:
    return Refusal(HTTPStatus.NOT_FOUND, "nothing was known of it by then")


async def shown(backend: Backend, service: str, entity_id: str, query: QueryParams) -> bytes:
    """The answer with the state document, as it is or as it was at ``as_of``. Raises Refusal: 404, 410, 422, 503."""
    found = await as_it_was(backend, service, entity_id, query)
    if found is None:
        fields = await hashes(backend, service, [entity_id])
        if not fields:
            raise nothing(service)
        found = document(service, entity_id, fields[entity_id])
    return b'{"data":' + found + b"}"


async def as_it_was(
    backend: Backend, service: str, entity_id: str, query: QueryParams, routing_key: str | None = None
) -> bytes | None:
    """The state document at ``as_of``; None where that is missing, or is now. Raises Refusal: 404, 410, 422, 503."""
    text = query.get("as_of")
    if text is None:
        return None
    when = moment(text)
    fields = await hashes(backend, service, [entity_id], routing_key)
    if not fields:
        raise nothing(service)
    own = fields[entity_id]
    if when.follows(int(own["sequence"]), milliseconds(own["last_recorded_at"])):
        return None  # whatever is left of its history
    if when.precedes(milliseconds(own["first_recorded_at"])):
        raise _not_yet()
    history = await _history(backend, service, entity_id, routing_key)
    try:
        found = await asyncio.to_thread(document_at, aggregate(service), entity_id, history, when)
    except ValueError:
        raise _damaged(service, entity_id) from None
    if found is None:
        raise _not_yet()
    return found


async def history(
    backend: Backend, service: str, entity_id: str, query: QueryParams, routing_key: str | None = None
) -> bytes:
    """The answer with its log records, oldest first, and what each changed. Raises Refusal: 404, 422, 503."""
    limit, after = pages.limit_of(query), pages.numbered(query)
    if not await hashes(backend, service, [entity_id], routing_key):
        raise nothing(service)
    records = await _history(backend, service, entity_id, routing_key)
    try:
        found = await asyncio.to_thread(told, aggregate(service), entity_id, records, after or 0, limit + 1)
    except ValueError:
        raise _damaged(service, entity_id) from None
    page = found[:limit]
    more = pages.cursor(page[-1][0]) if len(found) > limit else None
    return pages.listed([one for _, one in page], more)


async def _history(backend: Backend, service: str, entity_id: str, routing_key: str | None) -> list[bytes]:
    partition = backend.partition(routing_key or entity_id)
    records = await backend.ask(backend.views.history(service, partition, entity_id))
    # what was read may be half of it where the partition was being made anew meanwhile
    at = await backend.ask(backend.views.projection(service, partition, entity_id))
    if not at.ready:
        raise not_ready(service, partition)
    if at.fields and not records:  # whoever has a projection has a history
        raise _damaged(service, entity_id)
    return records


def _damaged(service: str, entity_id: str) -> Refusal:
    log.error("a history in redis is damaged", service=service, entity=entity_id, exc_info=True)
    return unavailable(f"the history of this {ENTITIES[service]} is damaged")
