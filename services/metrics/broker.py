"""What Kafka tells: how far inputs reach, how old what waits is, which dead letters there are, the latest events.

It is asked beside the look at Redis, and never waited for long: as long as it is away, what it told last stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from libs.contracts.names import Names
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.latest import Bounds, Latest
from libs.runtime.reader import Record
from services.metrics.rows import told
from services.metrics.snapshot import Letters
from services.metrics.stamps import Stamps

_SECONDS: Final = 5.0  # for one answer
# Of a partition that one look shows, the latest; however many came. A version of 50 positions tells as many at once.
_EVENTS: Final = 100
_FETCH_BYTES: Final = 128 * 1024

log = structlog.get_logger("stratafold.metrics")


class Broker:
    """Looks at the topics of some services; ``reached`` is how far the feed got before."""

    def __init__(
        self,
        kafka: KafkaAccess,
        names: Names,
        services: Sequence[str],
        partitions: int,
        reached: Mapping[TopicPartition, int],
    ) -> None:
        self._names = names
        self._services = services
        self._partitions = range(partitions)
        self._of = {names.topic(f"{service}.events"): service for service in services}
        self._latest = Latest(lambda: _consumer(kafka), partitions, self._take)
        self._latest.go_on(reached)
        self._stamps = Stamps(lambda: _consumer(kafka))
        self._bounds: Bounds = {}
        self._times: dict[TopicPartition, int] = {}
        self._feed: list[dict[str, str]] = []
        self._folded: dict[str, Sequence[int]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._away = False

    async def look(self, within: float, folded: Mapping[str, Sequence[int]]) -> None:
        """Ask, and wait a moment for the answer; ``folded`` are the input offsets that partitions are folded up to."""
        self._folded = dict(folded)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        await asyncio.wait({self._asking}, timeout=within)
        if self._asking.done():
            self._asking.result()

    def bounds(self, service: str) -> list[tuple[int, int]] | None:
        """The first and the next offset of each partition of a service's input, None until Kafka has told."""
        places = self._places(service, "in")
        return [self._bounds[tp] for tp in places] if all(tp in self._bounds for tp in places) else None

    def unfolded(self, service: str) -> list[int]:
        """The times of the oldest records that wait."""
        return [self._times[tp] for tp in self._places(service, "in") if tp in self._times]

    def letters(self) -> Letters:
        """The dead letters of all services."""
        places = [tp for service in self._services for tp in self._places(service, "dead")]
        counts = [end - begin for begin, end in (self._bounds.get(tp, (0, 0)) for tp in places)]
        return Letters(sum(counts), [self._times[tp] for tp in places if tp in self._times])

    def feed(self) -> tuple[list[dict[str, str]], dict[str, str]]:
        """The events that came since this was asked last, and how far that is, as fields by topic and partition."""
        came, self._feed = self._feed, []
        return came, {f"{tp.topic}/{tp.partition}": str(at) for tp, at in self._latest.reached.items()}

    async def close(self) -> None:
        """Let the connections go."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._latest.close()
        await self._stamps.close()

    def _places(self, service: str, stream: str) -> list[TopicPartition]:
        topic = self._names.topic(f"{service}.{stream}")
        return [TopicPartition(topic, number) for number in self._partitions]

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                await self._measure()
        except (KafkaError, OSError, TimeoutError) as why:
            if not self._away:
                log.warning("Kafka does not answer: lag is what it was", why=type(why).__name__)
            self._away = True
            await self._latest.close()
            await self._stamps.close()
        else:
            self._away = False

    async def _measure(self) -> None:
        measured = [
            self._names.topic(f"{service}.{stream}")
            for service in self._services
            for stream in ("in", "dead")
        ]
        self._bounds = await self._latest.look(measured, dict.fromkeys(self._of, _EVENTS))
        self._times = await self._stamps.look({**self._waiting(), **self._oldest_letters()})

    def _waiting(self) -> dict[TopicPartition, int]:
        """Where the oldest record lies that is not folded, of the partitions that have one."""
        found = {}
        for service, folded in self._folded.items():
            for tp, last in zip(self._places(service, "in"), folded, strict=True):
                begin, end = self._bounds.get(tp, (0, 0))
                if max(begin, last + 1) < end:
                    found[tp] = max(begin, last + 1)
        return found

    def _oldest_letters(self) -> dict[TopicPartition, int]:
        places = [tp for service in self._services for tp in self._places(service, "dead")]
        bounds = {tp: self._bounds.get(tp, (0, 0)) for tp in places}
        return {tp: begin for tp, (begin, end) in bounds.items() if begin < end}

    def _take(self, tp: TopicPartition, records: list[Record]) -> None:
        entries = (told(self._of[tp.topic], record.value) for record in records)
        self._feed += [entry for entry in entries if entry is not None]


def reached(fields: Mapping[str, str]) -> dict[TopicPartition, int]:
    """How far the feed got, from the fields that ``Broker.feed`` gave."""
    places = ((*place.rpartition("/"), at) for place, at in fields.items())
    return {TopicPartition(topic, int(number)): int(at) for topic, _, number, at in places}


def _consumer(kafka: KafkaAccess) -> AIOKafkaConsumer[Any, Any]:
    return AIOKafkaConsumer(
        **kafka.options(),
        client_id="stratafold-metrics",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=10,
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
