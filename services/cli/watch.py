"""What `up` shows, looked up once a second: how the services do, and the latest derived events."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
from aiokafka import TopicPartition

from libs.contracts.names import Names
from libs.ledger.times import milliseconds
from libs.runtime.latest import Latest
from libs.runtime.lookout import Lookout
from libs.runtime.reader import Record
from libs.settings import Settings
from libs.views.figures import Figures
from libs.views.summaries import name_of, summary
from services.cli.clients import make_consumer, make_redis

_REDIS_SECONDS: Final = 1.5
_LATEST: Final = 6  # events of a partition that are looked at, however many came
_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Event:
    """A derived event of the feed; ``at`` in ms since 1970, when it was recorded."""

    id: str
    at: int
    name: str
    subject: str
    summary: str


@dataclass(slots=True)
class Seen:
    """What is known now: figures of each service, events newest first, and why Kafka or Redis can't be asked."""

    figures: list[Figures]
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=_KEPT))
    redis_away: str | None = None
    kafka_away: str | None = None


class Watch:
    """Looks at the services of one namespace."""

    def __init__(self, settings: Settings, services: Sequence[str]) -> None:
        names = Names(settings.namespace)
        self._redis = make_redis(settings, _REDIS_SECONDS)
        latest = Latest(
            lambda: make_consumer(settings, max_partition_fetch_bytes=64 * 1024),
            settings.partitions,
            self._take,
        )
        events = {names.topic(f"{service}.events"): _LATEST for service in services}
        self._lookout = Lookout(self._redis, latest, names, services, settings.partitions, events)
        self.seen = Seen(self._lookout.figures())

    async def look(self) -> None:
        """Look once; takes at most some seconds and raises nothing that an absent server would cause."""
        await self._lookout.look()

    def now(self, ended: Collection[str] = ()) -> Seen:
        """What is known, and who is at work at this moment; ``ended`` are beginnings of owners that are gone."""
        self.seen.figures = self._lookout.figures(ended)
        self.seen.kafka_away = self._lookout.kafka_away
        self.seen.redis_away = self._lookout.redis_away
        return self.seen

    async def close(self) -> None:
        """Let the connections go."""
        await self._lookout.close()
        await self._redis.aclose()

    def _take(self, _place: TopicPartition, records: list[Record]) -> None:
        known = {event.id for event in self.seen.events}
        fresh = [
            event for record in records if (event := _event(record)) is not None and event.id not in known
        ]
        # of those recorded in the same instant, the one read last is the newest
        newest = sorted([*reversed(fresh), *self.seen.events], key=lambda event: event.at, reverse=True)
        self.seen.events.clear()
        self.seen.events.extend(newest[:_KEPT])


def _event(record: Record) -> Event | None:
    try:
        envelope = orjson.loads(record.value or b"")
        name = name_of(envelope["type"])
        at = milliseconds(envelope["recordedtime"])
        return Event(envelope["id"], at, name, str(envelope["subject"]), summary(name, envelope["data"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # not one of ours: whatever stands there, the view goes on
