"""A dead letter sent again from the page, by the code that `stratafold dead redrive` uses."""

from __future__ import annotations

import asyncio
from collections import Counter
from http import HTTPStatus
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from libs.contracts.names import Names
from libs.ledger.letters import Letter, place_of
from libs.runtime.journal import ProducerBroken
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.letters import letter
from libs.runtime.producer import make_producer, stop_producer
from libs.runtime.reader import partition_reader
from libs.runtime.redrive import send_again
from libs.settings import Settings
from services.api.backend import aggregate
from services.api.refusals import Finding, Refusal, unavailable

_READS: Final = 10.0  # seconds
_SENDS: Final = 10.0
_LETS_GO: Final = 3.0

log = structlog.get_logger("stratafold.api")


class Redriver:
    """Sends letters of one namespace again, one at a time, each over a connection of its own: it is a rare thing."""

    def __init__(self, settings: Settings) -> None:
        self._kafka, self._partitions = KafkaAccess.of(settings), settings.partitions
        self._names = Names(settings.namespace)
        self._one_at_a_time = asyncio.Lock()

    async def redrive(self, place: object, organization: str) -> str:
        """Send the letter at a place (``topic/partition/offset`` in a `.dead` topic) again; the service it was for.

        Raises Refusal: 404, 422, 503.
        """
        async with self._one_at_a_time:
            one, service = await self._letter(place)
            await self._send(one)
        log.info("a dead letter was sent again", place=one.place, organization=organization)
        return service

    async def _letter(self, typed: object) -> tuple[Letter, str]:
        place = place_of(self._names, typed) if isinstance(typed, str) else None
        if place is None or place.stream != "dead" or place.partition >= self._partitions:
            detail = "is not the place of a dead letter: topic/partition/offset, such as operations.dead/3/5"
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"place {detail}", [Finding("/place", detail)])
        topic = self._names.topic(f"{place.service}.dead")
        try:
            async with (
                asyncio.timeout(_READS),
                partition_reader(self._kafka, topic, place.partition) as reader,
            ):
                record = await reader.one(place.offset)
        except (KafkaError, OSError, TimeoutError):
            raise unavailable("Kafka does not answer") from None
        if record is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "there is no such dead letter, or not any more")
        return letter(record), place.service

    async def _send(self, one: Letter) -> None:
        producer = make_producer(self._kafka, "stratafold-api", "zstd")
        try:
            async with asyncio.timeout(_SENDS):
                await producer.start()
                await send_again(producer, self._names, self._partitions, [one], aggregate, Counter())
        except (KafkaError, OSError, TimeoutError, ProducerBroken):
            raise unavailable(
                "Kafka did not acknowledge; the letter may have been sent nevertheless"
            ) from None
        finally:
            await stop_producer(producer, _LETS_GO)
