"""What every route of the API reads from: Redis as the partitions wrote it, and the services' own documents."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, TypeVar

import structlog
from redis.exceptions import RedisError

from libs.contracts.names import ENTITIES
from libs.contracts.partitions import partition_of
from libs.ledger.aggregate import Aggregate
from libs.ledger.entity import bookkeeping, bookkeeping_json, recall
from libs.ledger.intake import DAMAGED
from libs.telemetry.one_line import one_line
from libs.views.reading import Views
from services.api.refusals import unavailable

T = TypeVar("T")

_PATIENCE: Final = 5.0  # seconds for Redis to answer

log = structlog.get_logger("stratafold.api")


def built(services: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the services that this program has a worker for."""
    return tuple(service for service in services if find_spec(f"services.{service}") is not None)


def aggregate(service: str) -> Aggregate[Any]:
    """A service's fold; its package is pure, only its worker brings clients along."""
    found: Aggregate[Any] = import_module(f"services.{service}").AGGREGATE
    return found


class Backend:
    """Reads of one namespace; what fails them becomes a Refusal."""

    def __init__(self, views: Views, partitions: int) -> None:
        self.views = views
        self.partitions = partitions

    def partition(self, routing_key: str) -> int:
        """The partition of a routing key."""
        return partition_of(routing_key, self.partitions)

    async def ask(self, question: Awaitable[T]) -> T:
        """What Redis answers in time. Raises Refusal (503)."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await question
        except (RedisError, OSError, TimeoutError) as why:
            log.warning("redis does not answer", why=one_line(why))
            raise unavailable("Redis does not answer") from None


def document(service: str, entity_id: str, fields: Mapping[str, str]) -> bytes:
    """The state document of an entity, as its ``.state`` record has it. Raises Refusal (503) for a damaged hash."""
    fold = aggregate(service).part(entity_id)
    try:
        entity = recall(entity_id, fold.restore(entity_id, fields), fields)
        shown = fold.render(entity.state).json
    except (*DAMAGED, RecursionError):
        log.exception("a projection in redis is damaged", service=service, entity=entity_id)
        raise unavailable(f"the projection of this {ENTITIES[service]} is damaged") from None
    return shown[:-1] + b"," + bookkeeping_json(entity, bookkeeping(entity)) + b"}"
