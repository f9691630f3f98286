"""Entities of a service, those changed last first, out of the sorted sets of all its partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from services.api.backend import Backend
from services.api.refusals import not_ready

Place = tuple[int, str]
"""The broker's time (ms) of the last record that changed an entity, and its id."""


async def latest(
    backend: Backend, service: str, indexes: Sequence[tuple[str, str]], before: Place | None, count: int
) -> list[Place]:
    """At most ``count`` entities that are in any of the indexes, those that come after ``before`` only.

    Raises Refusal (503) while any partition is not ready: an entity may be in it.
    """
    views = backend.views
    found = await backend.ask(
        asyncio.gather(
            *(
                views.ranked(service, partition, index, before, count)
                for partition in range(backend.partitions)
                for index in indexes
            )
        )
    )
    scores: dict[str, int] = {}
    for page in found:
        if not page.ready:
            raise not_ready(service, page.position.partition)
        for score, entity_id in page.members:
            # one that moved from an index to another meanwhile may have been in both
            scores[entity_id] = max(score, scores.get(entity_id, score))
    places = [(score, entity_id) for entity_id, score in scores.items()]
    return sorted(places, key=lambda one: (one[0], one[1].encode()), reverse=True)[:count]


async def hashes(
    backend: Backend, service: str, entity_ids: Sequence[str], routing_key: str | None = None
) -> dict[str, Mapping[str, str]]:
    """The hashes of those entities that there are, in the order asked for. Raises Refusal (503).

    ``routing_key`` is theirs where they have one that is not their ids.
    """
    places: dict[int, list[str]] = {}
    for entity_id in entity_ids:
        places.setdefault(backend.partition(routing_key or entity_id), []).append(entity_id)
    views = backend.views
    joined = await backend.ask(
        asyncio.gather(*(views.joined(service, partition, some) for partition, some in places.items()))
    )
    found: dict[str, Mapping[str, str]] = {}
    for one, some in zip(joined, places.values(), strict=True):
        if not one.ready:
            raise not_ready(service, one.position.partition)
        found.update(zip(some, one.fields, strict=True))
    return {entity_id: found[entity_id] for entity_id in entity_ids if found[entity_id]}
